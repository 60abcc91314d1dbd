// A program and the code that V8 made of it, in one file: taken as it is, and done without where it does not fit.
import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Script } from 'node:vm';
import { execa } from 'execa';
import { launcherOf, programOf } from '../../bin/program.ts';

const dir = mkdtempSync(join(tmpdir(), 'vmnet-program-'));
const program = await programOf({
  run: 'console.log(entry, process.platform)',
  root: join(import.meta.dirname, '../..'),
  plugins: [],
});
const end = 4 + program.readUInt32LE(0);
after(() => rmSync(dir, { recursive: true }));

test('this Node takes the code for its own', () => {
  const cachedData = program.subarray(end);
  const script = new Script(program.toString('latin1', 4, end), { cachedData });
  assert.equal(script.cachedDataRejected, false);
});

const WITHOUT: Readonly<Record<string, Buffer>> = {
  'of this build': program,
  'cut off': program.subarray(0, end + 100),
  'of another version': Buffer.concat([program.subarray(0, end), Buffer.alloc(program.length - end, 7)]),
};

for (const [code, bytes] of Object.entries(WITHOUT)) {
  test(`a launcher runs its entry, with code ${code}`, async () => {
    writeFileSync(join(dir, 'a.program'), bytes);
    const launcher = join(dir, 'launcher.cjs');
    writeFileSync(launcher, launcherOf(process.execPath, join(dir, 'a.program'), 'up'));
    chmodSync(launcher, 0o755);
    const { stdout } = await execa(launcher);
    assert.equal(stdout, 'up linux');
  });
}
