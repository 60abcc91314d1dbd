// A bond that somebody has left behind: of whichever mode, as long as nobody uses it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stepText } from '../../lib/core/plan/plan.ts';
import { hostCheck, hostUp } from '../../lib/run/host.ts';
import { hostWorld, NODE } from '../support/host-world.ts';

const NOW = { dryRun: false, recreate: false };

test("a bond that nobody uses is in nobody's way", async () => {
  const world = hostWorld();
  world.ip('link add name bond0 type bond mode balance-rr');
  const { plan } = await hostUp(world.under(NODE), NOW);
  assert.equal(plan.steps.map(stepText).filter(text => text.startsWith('- link')).length, 1);
  assert.deepEqual((await hostCheck(world.under(NODE))).map(stepText), []);
  assert.deepEqual(world.shows(/^link vlan992 own-mac/), ['link vlan992 own-mac 52:54:00:00:00:00']);
});

test('a bond in another mode that somebody uses stays', async t => {
  for (const use of [
    ['link set dev eth3 master bond0'],
    ['link set dev bond0 up'],
    ['address add 10.8.0.1/24 dev bond0'],
    ['link add link bond0 name v8 type vlan id 8'],
  ])
    await t.test(use[0], async () => {
      const world = hostWorld();
      world.ip('link add name bond0 type bond mode balance-rr', 'link set dev eth3 down', ...use);
      const was = world.kernel.snapshot();
      await assert.rejects(hostUp(world.under(NODE), NOW), { exit: 'request' });
      assert.deepEqual(world.kernel.snapshot(), was);
    });
});
