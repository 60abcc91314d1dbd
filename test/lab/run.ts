// `make lab`: the suites under a kernel that has all that Debian's has. Where the running kernel has it, here; else in
// QEMU, see test/lab/boot. There a test that skips is a failure. Files with `systemd` in their names want it as the first
// process, and are for a machine of their own: they are never run on this one.
import { join } from 'node:path';
import { execaSync } from 'execa';
import { BUNDLES } from '../support/bundles.ts';
import { missingModules } from '../support/modules.ts';
import { bundleTests } from './bundle.ts';

const root = join(import.meta.dirname, '../..');
const suites = process.argv.slice(2);
const command = [
  process.execPath,
  join(root, 'test/support/suites.ts'),
  '--no-skips',
  ...(suites.length === 0 ? ['lab'] : suites),
];
const ofSystemd = suites.length === 0 || suites.some(name => name === 'lab' || name.includes('systemd'));
if (ofSystemd || missingModules().length > 0) {
  command.unshift(join(root, 'test/lab/boot'));
  const names = new Set(suites.map(name => name.split('/')[0] ?? ''));
  await bundleTests(root, names.size === 0 ? ['lab'] : [...names], join(root, BUNDLES));
}
const [file = '', ...args] = command;
const { exitCode } = execaSync(file, args, {
  stdio: 'inherit',
  reject: false,
  env: ofSystemd ? { LAB_INIT: 'systemd' } : {},
});
process.exitCode = exitCode ?? 70;
