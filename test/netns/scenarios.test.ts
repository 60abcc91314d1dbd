// The assertions that the kernel in memory passes, on the real one.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { inside, ip, missingForNamespaces, must, type Place } from '../support/command.ts';
import { SCENARIOS } from '../support/scenarios.ts';

const skip = missingForNamespaces() ?? false;
const place: Place = { ns: `vmt${process.pid}-scenarios` };
const PROGRAM = join(import.meta.dirname, '../support/programs/scenarios.ts');
let results = new Map<string, string | undefined>();
let said = '';

before(async () => {
  if (skip !== false) return;
  await must(['ip', 'netns', 'add', place.ns]);
  await ip(place, 'link', 'set', 'lo', 'up');
  const argv = [process.execPath, '--no-warnings', PROGRAM];
  const { stdout, stderr } = await inside(place, argv, { timeoutMs: 240_000 });
  said = stderr;
  const rows: { readonly name: string; readonly error?: string }[] = stdout
    .split('\n')
    .filter(Boolean)
    .map(line => JSON.parse(line));
  results = new Map(rows.map(row => [row.name, row.error]));
});
after(async () => {
  if (skip === false) await must(['ip', 'netns', 'del', place.ns]);
});

for (const { name } of SCENARIOS) {
  test(name, { skip }, () => {
    assert.ok(results.has(name), `it was not run: ${said}`);
    assert.equal(results.get(name), undefined);
  });
}
