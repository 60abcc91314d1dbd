// What the bench found, as rows: every figure beside what it is a ratio to, both from the same run.

export interface Row {
  readonly section: string;
  readonly what: string;
  readonly unit: 'ms' | 'ns' | 'programs';
  readonly values: readonly number[];
  /** What the ratio is to; without it, the budget is in the unit. */
  readonly base?: readonly number[];
  readonly budget?: number;
  readonly note?: string;
}

/** A row as it is printed, and as --json writes it. */
export interface Figures {
  readonly section: string;
  readonly what: string;
  readonly unit: Row['unit'];
  readonly runs: number;
  readonly median: number;
  readonly min: number;
  readonly quartiles: readonly [number, number];
  /** Of the medians, and of the minima. */
  readonly ratio?: number;
  readonly minRatio?: number;
  readonly budget?: number;
  readonly over: boolean;
  readonly note?: string;
}

export function figuresOf({ section, what, unit, values, base, budget, note }: Row): Figures {
  const middle = quantile(values, 0.5);
  const least = quantile(values, 0);
  const ratio = base === undefined ? undefined : middle / quantile(base, 0.5);
  return {
    section,
    what,
    unit,
    runs: values.length,
    median: middle,
    min: least,
    quartiles: [quantile(values, 0.25), quantile(values, 0.75)],
    ...(base === undefined || ratio === undefined ? {} : { ratio, minRatio: least / quantile(base, 0) }),
    ...(budget === undefined ? {} : { budget }),
    // What was not measured is within no budget.
    over: budget !== undefined && !((ratio ?? middle) <= budget),
    ...(note === undefined ? {} : { note }),
  };
}

const HEAD = ['', 'median', 'ratio', 'budget', '', 'of minima', 'min', 'quartiles', 'runs', ''];

/** The table, one section below the other. */
export function tableOf(figures: readonly Figures[]): string {
  const sections = [...new Set(figures.map(one => one.section))];
  const lines = sections.map(section => figures.filter(one => one.section === section).map(cellsOf));
  const rows = [HEAD, ...lines.flat()];
  const widths = HEAD.map((_, column) => Math.max(...rows.map(row => row[column]?.length ?? 0)));
  const text = (row: readonly string[]) =>
    row
      .map((cell, column) => aligned(cell, column, widths))
      .join('  ')
      .trimEnd();
  return sections
    .flatMap((section, at) => ['', section, text(HEAD), ...(lines[at] ?? []).map(text)])
    .join('\n')
    .trim();
}

function cellsOf(one: Figures): readonly string[] {
  const number = (value: number) => (one.unit === 'ms' ? value.toFixed(1) : value.toFixed(0));
  return [
    `  ${one.what}`,
    `${number(one.median)} ${one.unit}`,
    one.ratio?.toFixed(2) ?? '',
    one.budget?.toString() ?? '',
    verdictOf(one),
    one.minRatio?.toFixed(2) ?? '',
    number(one.min),
    `${number(one.quartiles[0])}-${number(one.quartiles[1])}`,
    String(one.runs),
    one.note ?? '',
  ];
}

function verdictOf({ budget, over }: Figures): string {
  if (budget === undefined) return '';
  return over ? 'OVER' : 'ok';
}

/** What is over its budget, a line each: in a long table one is overlooked. */
export function overOf(figures: readonly Figures[]): readonly string[] {
  return figures
    .filter(one => one.over)
    .map(({ section, what, unit, median, ratio, budget }) => {
      const found = ratio?.toFixed(2) ?? `${median} ${unit}`;
      return `OVER ${section}: ${what}: ${found}, budget ${budget}`;
    });
}

function aligned(cell: string, column: number, widths: readonly number[]): string {
  const width = widths[column] ?? 0;
  return column === 0 || column === HEAD.length - 1 ? cell.padEnd(width) : cell.padStart(width);
}

export function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (sorted.length - 1) * part;
  const below = sorted[Math.floor(at)] ?? Number.NaN;
  const above = sorted[Math.ceil(at)] ?? Number.NaN;
  return below + (above - below) * (at - Math.floor(at));
}
