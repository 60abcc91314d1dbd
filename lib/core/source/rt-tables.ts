/** In iproute2 itself, whatever the files say. */
const BUILT_IN: readonly (readonly [string, number])[] = [
  ['unspec', 0],
  ['default', 253],
  ['main', 254],
  ['local', 255],
];

/** The kernel takes 32 bits; `ip` and others read the number as a signed one. */
export const MAX_TABLE = 2 ** 31 - 1;

/**
 * Names of routing tables from the texts of /etc/iproute2/rt_tables and rt_tables.d/*.conf, in the order in which they
 * are read; the first to give a name wins. What is no `NUMBER NAME` line is passed over.
 */
export function parseRtTables(texts: readonly string[]): Map<string, number> {
  const tables = new Map(BUILT_IN);
  for (const line of texts.flatMap(text => text.split('\n'))) {
    const [, number, name] = /^[ \t]*(0x[0-9a-fA-F]{1,8}|\d{1,10})[ \t]+([^\s#]\S*)/.exec(line) ?? [];
    if (number === undefined || name === undefined || Number(number) > MAX_TABLE || tables.has(name))
      continue;
    tables.set(name, Number(number));
  }
  return tables;
}

/** The number of a table that is given by number or by name. A leading zero would be octal to `ip`, so it is no number. */
export function lookUpTable(text: string, rtTables: ReadonlyMap<string, number>): number | undefined {
  const number = rtTables.get(text);
  if (number !== undefined) return number;
  return /^(0|[1-9]\d{0,9})$/.test(text) && Number(text) <= MAX_TABLE ? Number(text) : undefined;
}
