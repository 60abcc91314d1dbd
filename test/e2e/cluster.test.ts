// Two nodes of a real Ganeti, with real guests under QEMU, and vmnet as its hooks.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Cluster, startCluster } from './cluster.ts';
import { useGrnetsContract } from './contract.ts';
import { layer } from './layer.ts';
import { leftovers, namespacesOf } from './leftovers.ts';
import { noteCalls } from './migration.ts';
import { outsideOf } from './outside.ts';
import { type Stage, scenarios } from './scenarios.ts';
import { bareStateOf } from './settled.ts';

let cluster: Cluster | undefined;
let stage: Stage | undefined;

before(async () => {
  cluster = await startCluster(process.env.VMNET_E2E_LAYER ?? (await layer()));
  const outside = await outsideOf(cluster);
  for (const machine of cluster.machines) await noteCalls(machine);
  stage = { cluster, outside, bare: await Promise.all(cluster.machines.map(bareStateOf)) };
});
after(() => cluster?.close());

const { VMNET_E2E_CONTRACTS: chosen = '' } = process.env;
const CONTRACTS = (['stock', 'grnet'] as const).filter(
  name => chosen === '' || chosen.split(' ').includes(name),
);

for (const contract of CONTRACTS) {
  if (contract === 'grnet')
    test('the nodes change to the contract of GRNET', () => useGrnetsContract(current().cluster));
  scenarios(contract, current);
}

test('nothing is left on this machine', async () => {
  const { cluster } = current();
  const theirs = namespacesOf(cluster);
  assert.ok(theirs.size >= 10);
  await cluster.close();
  assert.deepEqual(leftovers(cluster, theirs), []);
});

function current(): Stage {
  if (stage === undefined) throw new Error('there is no cluster');
  return stage;
}
