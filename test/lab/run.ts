// `make lab`: the suites under a kernel that has all that Debian's has. Where the running kernel has it, here; else in
// QEMU, see test/lab/boot. There a test that skips is a failure.
import { join } from 'node:path';
import { execaSync } from 'execa';
import { missingModules } from '../support/modules.ts';

const root = join(import.meta.dirname, '../..');
const suites = process.argv.slice(2);
const command = [
  process.execPath,
  join(root, 'test/support/suites.ts'),
  '--no-skips',
  ...(suites.length === 0 ? ['lab'] : suites),
];
const missing = missingModules();
if (missing.length > 0) command.unshift(join(root, 'test/lab/boot'));
const [file = '', ...args] = command;
const { exitCode } = execaSync(file, args, { stdio: 'inherit', reject: false });
process.exitCode = exitCode ?? 70;
