// Runs scenarios on the real kernel, in a namespace of their own.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { BUNDLES } from './bundles.ts';
import { inside, ip, must, type Place } from './command.ts';
import type { Scenario } from './scenario.ts';

const PROGRAM =
  process.env.VMNET_LAB === undefined
    ? join(import.meta.dirname, 'programs/scenarios.ts')
    : join(import.meta.dirname, '../..', BUNDLES, 'support/programs/scenarios.mjs');

interface Run {
  readonly skip: string | false;
  readonly args?: readonly string[];
  readonly timeoutMs?: number;
}

/** A test for each; `args` say to the program which they are. */
export function testScenarios(
  scenarios: readonly Scenario[],
  { skip, args = [], timeoutMs = 240_000 }: Run,
): void {
  const place: Place = { ns: `vmt${process.pid}-scenarios` };
  let results = new Map<string, string | undefined>();
  let said = '';

  before(async () => {
    if (skip !== false) return;
    await must(['ip', 'netns', 'add', place.ns]);
    await ip(place, 'link', 'set', 'lo', 'up');
    const argv = [process.execPath, '--no-warnings', PROGRAM, ...args];
    const { stdout, stderr } = await inside(place, argv, { timeoutMs });
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

  for (const { name } of scenarios) {
    test(name, { skip }, () => {
      assert.ok(results.has(name), `it was not run: ${said}`);
      assert.equal(results.get(name), undefined);
    });
  }
}
