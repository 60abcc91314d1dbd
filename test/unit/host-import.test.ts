// What the host runs as a file, on the kernel in memory: of vmnet's own making, and of somebody else's.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stepText } from '../../lib/core/plan/plan.ts';
import { hostUp } from '../../lib/run/host.ts';
import { hostImport } from '../../lib/run/host-import.ts';
import { type HostWorld, hostWorld, NODE } from '../support/host-world.ts';

const NOW = { dryRun: false, recreate: false };

/** The file, after which there is nothing to do. */
async function imported(world: HostWorld): Promise<string> {
  const { text, changes } = await hostImport(world.under(''));
  assert.deepEqual(changes, []);
  const { plan } = await hostUp(world.under(text), { dryRun: true, recreate: false });
  assert.deepEqual(plan.steps.map(stepText), [], text);
  return text;
}

test('what vmnet made', async () => {
  const world = hostWorld();
  await hostUp(world.under(NODE), NOW);
  await imported(world);
});
