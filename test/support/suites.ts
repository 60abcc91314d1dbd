// Runs the suites one after the other: `node test/support/suites.ts [--no-skips] [SUITE]...`, all that run on any kernel
// when none is named; SUITE/FILE is one file of a suite, without its ending.
// Quiet when green, exact when red. The last line alone counts everything: `N passed, N failed, N skipped`.
import { existsSync, readdirSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, relative } from 'node:path';
import { run } from 'node:test';
import { BUNDLES } from './bundles.ts';
import { type Outcome, tally } from './outcome.ts';

interface Suite {
  readonly name: string;
  /** Files at a time. Namespaces, and what is measured in them, are the machine's: those tests go one by one. */
  readonly concurrency: number;
  /** For a file. */
  readonly timeoutMs?: number;
}

/** All of them: this process only waits. */
const CORES = availableParallelism();

const SUITES: readonly Suite[] = [
  { name: 'unit', concurrency: CORES },
  { name: 'golden', concurrency: CORES },
  { name: 'property', concurrency: CORES },
  { name: 'fault', concurrency: CORES },
  { name: 'netns', concurrency: 2 },
  // Without KVM everything takes ten to twenty times as long there.
  { name: 'lab', concurrency: 2, timeoutMs: 1_200_000 },
];
const FILE_TIMEOUT_MS = 300_000;

const root = join(import.meta.dirname, '../..');

/** Run by goals of their own: what they need is more than a namespace. */
const APART = ['lab'];
const [flag, ...rest] = process.argv.slice(2);
const noSkips = flag === '--no-skips';

await main(noSkips ? rest : process.argv.slice(2));

async function main(names: readonly string[]): Promise<void> {
  const unknown = names.find(name => !SUITES.some(suite => suite.name === name.split('/')[0]));
  if (unknown !== undefined) {
    console.error(
      `test: no suite ${JSON.stringify(unknown)}; there are ${SUITES.map(s => s.name).join(', ')}`,
    );
    process.exitCode = 64;
    return;
  }
  const chosen = SUITES.filter(({ name }) =>
    names.length === 0 ? !APART.includes(name) : names.some(one => one.split('/')[0] === name),
  );
  const outcomes: Outcome[] = [];
  for (const suite of chosen) {
    const outcome = await runSuite(suite, names);
    outcomes.push(outcome);
  }
  for (const line of outcomes.flatMap(outcome => outcome.skipped)) console.log(`skipped: ${line}`);
  const sum = (count: (outcome: Outcome) => number) => outcomes.reduce((total, one) => total + count(one), 0);
  const failed = sum(one => one.failed);
  const skipped = sum(one => one.skipped.length);
  console.log(`${sum(one => one.passed)} passed, ${failed} failed, ${skipped} skipped`);
  process.exitCode = failed === 0 && !(noSkips && skipped > 0) ? 0 : 1;
}

async function runSuite(
  { name, concurrency, timeoutMs = FILE_TIMEOUT_MS }: Suite,
  names: readonly string[],
): Promise<Outcome> {
  const dir = join(root, 'test', name);
  if (!existsSync(dir)) {
    console.log(`${name}: no such folder`);
    return { passed: 0, failed: 0, skipped: [] };
  }
  const files = readdirSync(dir, { recursive: true, encoding: 'utf8' })
    .filter(path => path.endsWith('.test.ts') && isNamed(`${name}/${path}`, names))
    .map(path => join(dir, path))
    .sort();
  const start = performance.now();
  const outcome =
    files.length === 0
      ? { passed: 0, failed: 1, skipped: [] }
      : await tally(run({ files: files.map(asRun), concurrency, cwd: root, timeout: timeoutMs }), asWritten);
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  const counts = [`${outcome.passed} passed`];
  if (outcome.failed > 0) counts.push(`${outcome.failed} failed`);
  if (outcome.skipped.length > 0) counts.push(`${outcome.skipped.length} skipped`);
  console.log(
    files.length === 0
      ? `${name}: there is no test in test/${name}`
      : `${name}: ${counts.join(', ')} (${seconds} s)`,
  );
  return outcome;
}

/** In the lab, the same file in one piece. */
function asRun(file: string): string {
  const [test, name] = [join(root, 'test'), relative(join(root, 'test'), file)];
  return process.env.VMNET_LAB === undefined
    ? join(test, name)
    : join(root, BUNDLES, name.replace(/\.ts$/, '.mjs'));
}

function asWritten(file: string): string {
  const name = relative(join(root, BUNDLES), file);
  return name.startsWith('..') ? relative(root, file) : join('test', name.replace(/\.mjs$/, '.ts'));
}

/** A suite that is named as a whole, or not at all, has all its files. */
function isNamed(path: string, names: readonly string[]): boolean {
  const files = names.filter(one => one.startsWith(`${path.split('/')[0]}/`));
  return files.length === 0 || files.some(one => path === `${one}.test.ts`);
}
