// A bond in mode 802.3ad, on the kernel in memory.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stepText } from '../../lib/core/plan/plan.ts';
import { hostCheck, hostUp } from '../../lib/run/host.ts';
import { hostWorld } from '../support/host-world.ts';

const NOW = { dryRun: false, recreate: false };
test('802.3ad and what only it has', async () => {
  const ini = `[bond bond0]
mode = 802.3ad
ports = eth0 eth1
lacp-rate = fast
min-links = 1
xmit-hash-policy = layer3+4
`;
  const world = hostWorld();
  await hostUp(world.under(ini), NOW);
  assert.deepEqual(world.shows(/^link bond0 (bond|lacp|min|xmit|miimon)/), [
    'link bond0 bond mode 802.3ad',
    'link bond0 lacp_rate fast',
    'link bond0 miimon 100',
    'link bond0 min_links 1',
    'link bond0 xmit_hash_policy layer3+4',
  ]);
  assert.deepEqual((await hostCheck(world.under(ini))).map(stepText), []);
  await assert.rejects(hostUp(world.under(ini.replace('fast', 'slow')), NOW), { exit: 'request' });
});
