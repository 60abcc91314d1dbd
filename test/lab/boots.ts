// One more boot of the lab's machine, of which each begins anew but for what the one before has kept.
import { lstatSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { must } from '../support/command.ts';

const OUT = '/run/lab/out';

/** Which boot this is; a file that asks for none runs in the first. */
export const boot = Number(process.env.VMNET_LAB_BOOT ?? 1);

/** When this one has ended, the machine boots again with these files of `from`, and runs the same test file once more. */
export async function bootAgain(file: string, kept: readonly string[], from = '/'): Promise<void> {
  const next = `${OUT}/next`;
  mkdirSync(next, { recursive: true });
  const paths = kept
    .map(path => path.replace(/^\//, ''))
    .filter(path => lstatSync(join(from, path), { throwIfNoEntry: false }));
  await must(['tar', '-c', '-f', `${next}/tree.tar`, '-C', from, ...paths], { timeoutMs: 60_000 });
  const lines = readFileSync(`${OUT}/command`, 'utf8')
    .split('\n')
    .map(line => (line.endsWith(` >${OUT}/output 2>&1 </dev/null`) ? suiteOf(file) : line));
  writeFileSync(`${next}/command.new`, lines.join('\n'));
  renameSync(`${next}/command.new`, `${next}/command`);
}

function suiteOf(file: string): string {
  const suites = 'test/support/suites.ts --no-skips';
  return `VMNET_LAB_BOOT=${boot + 1} ${process.execPath} ${suites} ${file} >${OUT}/output 2>&1 </dev/null`;
}
