// `make bench`: what vmnet costs, as ratios within this run, each with its budget and `ok` or `OVER`. Not a test.
//   --strict      fail for what is over its budget, too
//   --json FILE   write the same there
// Exit: 0; 1 what does not work at all, or with --strict a row that is OVER; 64 usage; 69 something is missing here;
// 75 not done in time. make itself makes 2 of all but 0.
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { missingForNamespaces, type Place } from '../support/command.ts';
import { type Course, controlRows, newCourse, oneRound } from './control.ts';
import { type DataNodes, dataPath } from './datapath.ts';
import { factsOf, removeNode, scratchParent } from './machine.ts';
import { type BenchNode, down, type Mode, makeNode, nicOf, up } from './node.ts';
import { processRow } from './processes.ts';
import { compile, measure, type Programs } from './programs.ts';
import { type Restored, restore, restoreRow } from './restore.ts';
import { figuresOf, overOf, type Row, tableOf } from './rows.ts';

const MANY = 1000;
const ROUNDS = 21;
const RESTORES = 3;
/** No restore and no round but the first begins after these; a loaded machine gets fewer, and the table says so. */
const LAST_RESTORE_MS = 40_000;
const LAST_ROUND_MS = 90_000;
const LIMIT_MS = 240_000;

const options = optionsOf(process.argv.slice(2));
const missing = missingForNamespaces() ?? (existsSync('/dev/net/tun') ? undefined : 'needs /dev/net/tun');
if (missing !== undefined) {
  console.error(`bench: ${missing}`);
  process.exit(69);
}

const prefix = `vmb${process.pid}`;
const dir = mkdtempSync(join(scratchParent(), 'vmnet-bench-'));
const made: Place[] = [];
process.on('exit', cleanUp);
for (const [signal, code] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)
  process.on(signal, () => process.exit(code));
setTimeout(() => {
  console.error(`bench: not done after ${LIMIT_MS / 1000} s`);
  process.exit(75);
}, LIMIT_MS).unref();

const began = performance.now();
try {
  process.exitCode = await main();
} catch (error) {
  console.error(`bench: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}

function optionsOf(args: readonly string[]): {
  readonly json?: string | undefined;
  readonly strict: boolean;
} {
  try {
    const options = { json: { type: 'string' }, strict: { type: 'boolean', default: false } } as const;
    return parseArgs({ args: [...args], options }).values;
  } catch (error) {
    console.error(
      `bench: ${error instanceof Error ? error.message : String(error)}; --strict and --json FILE are known`,
    );
    return process.exit(64);
  }
}

async function main(): Promise<number> {
  const facts = await factsOf();
  console.log(facts.join('\n'));
  const programs = await compile();
  const one = await makeTracked('one', 3);
  const counts = await processRows(programs, one);
  const { many, row: restored } = await restoreMany(programs);
  const courses = [
    newCourse('1 NIC present', one, nicOf(1), true),
    newCourse(`${MANY} NICs present`, many, nicOf(MANY), false),
  ];
  await race(programs, courses);
  const routed = await dataPath(programs, { one, many, ...(await unfiltered(programs, 'routed')) }, MANY);
  const bridged = await dataPath(programs, await bridgedNodes(programs), MANY);
  const rows: readonly Row[] = [
    ...courses.flatMap(controlRows),
    restored,
    ...counts,
    ...routed.rows,
    ...bridged.rows,
  ];
  return report(facts, rows, [...routed.problems, ...bridged.problems]);
}

function report(facts: readonly string[], rows: readonly Row[], problems: readonly string[]): number {
  const figures = rows.map(figuresOf);
  const over = overOf(figures);
  console.log(`\n${tableOf(figures)}\n`);
  for (const line of over) console.log(line);
  for (const problem of problems) console.log(`FAILED ${problem}`);
  const seconds = ((performance.now() - began) / 1000).toFixed(0);
  console.log(
    `bench: ${figures.length} rows, ${over.length} over budget, ${problems.length} failures (${seconds} s)`,
  );
  if (options.json !== undefined) {
    writeFileSync(options.json, `${JSON.stringify({ facts, rows: figures, problems }, undefined, 2)}\n`);
  }
  return problems.length > 0 || (options.strict && over.length > 0) ? 1 : 0;
}

/** The first NIC of a node brings its network along. Leaves NIC 0 attached, and says when nothing can be traced. */
async function processRows(programs: Programs, node: BenchNode): Promise<readonly Row[]> {
  const rows: Row[] = [];
  try {
    rows.push(await processRow('first NIC of the node', node, up(node, nicOf(0))));
    rows.push(await processRow('1 NIC present', node, up(node, nicOf(2))));
    await measure(programs, node, down(node, nicOf(2)));
  } catch (error) {
    console.log(`programs are not counted: ${error instanceof Error ? error.message : String(error)}`);
  }
  await measure(programs, node, up(node, nicOf(0)));
  return rows;
}

/** Each time on a fresh node; the last one stays. */
async function restoreMany(programs: Programs): Promise<{ readonly many: BenchNode; readonly row: Row }> {
  const runs: Restored[] = [];
  for (;;) {
    const many = await makeTracked(`many${runs.length}`, MANY + 1);
    runs.push(await restore(programs, many, MANY));
    const isLast = runs.length === RESTORES || performance.now() - began > LAST_RESTORE_MS;
    if (isLast) return { many, row: restoreRow(runs, MANY) };
    removeNode(many);
  }
}

/** One node without vmnet, and one whose NIC 0 it attached without a filter. */
async function unfiltered(programs: Programs, mode: Mode): Promise<Pick<DataNodes, 'plain' | 'open'>> {
  const plain = await makeTracked(`plain-${mode}`, 1, mode);
  const open = await makeTracked(`open-${mode}`, 1, mode, 'none');
  await measure(programs, open, up(open, nicOf(0)));
  return { plain, open };
}

async function bridgedNodes(programs: Programs): Promise<DataNodes> {
  const one = await makeTracked('one-bridged', 1, 'bridged');
  await measure(programs, one, up(one, nicOf(0)));
  const many = await makeTracked('many-bridged', MANY, 'bridged');
  await restore(programs, many, MANY);
  return { one, many, ...(await unfiltered(programs, 'bridged')) };
}

async function race(programs: Programs, courses: readonly Course[]): Promise<void> {
  for (let round = 0; round < ROUNDS && (round === 0 || performance.now() - began < LAST_ROUND_MS); round++) {
    for (const course of courses) await oneRound(programs, course);
  }
}

async function makeTracked(
  name: string,
  taps: number,
  mode: Mode = 'routed',
  filter: 'full' | 'none' = 'full',
): Promise<BenchNode> {
  const ns = `${prefix}-${name}`;
  made.push({ ns });
  return makeNode(ns, dir, taps, mode, filter);
}

function cleanUp(): void {
  for (const node of made) removeNode(node);
  // What was killed this moment may be writing its last file.
  rmSync(dir, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
}
