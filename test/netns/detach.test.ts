// Detach leaves the kernel as attach found it, takes nothing that others made, and is happy to find nothing.
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { ip, ipBatch, missingForNamespaces } from '../support/command.ts';
import { buildDatacentre, type Datacentre, type Node } from '../support/datacentre.ts';
import { testOnce } from '../support/domain.ts';
import { type State, stateOf } from '../support/state.ts';
import { bridgedNic, routedNic, startVm, stopVm, type Vm } from '../support/vm.ts';
import {
  attach,
  changesOf,
  isClean,
  isSilent,
  nft,
  recordsOf,
  succeeded,
  sysctlsOf,
  works,
} from './steps.ts';

const skip = missingForNamespaces() ?? false;
let datacentre: Datacentre;
let node: Node;
let a: Vm;
let b: Vm;
let before0: State;
let sysctls0: readonly string[];
let number = 0;

before(async () => {
  if (skip !== false) return;
  datacentre = await buildDatacentre({ program: 'dist' });
  node = datacentre.node1;
  await foreignThings();
});
beforeEach(async () => {
  if (skip !== false) return;
  number += 1;
  a = await startVm(datacentre, `a${number}`, node, routedNic(10, 'tap0'));
  b = await startVm(datacentre, `b${number}`, node, routedNic(11, 'tap1'));
  before0 = await stateOf(node);
  sysctls0 = await sysctlsOf(node);
});
after(() => datacentre?.close());

/** Everything of ours has a neighbour of somebody else's: same table, near preference, same family and device. */
async function foreignThings(): Promise<void> {
  await ipBatch(node, [
    'rule add preference 899 fwmark 7 lookup 993',
    'rule add preference 905 from 172.16.0.0/12 lookup 993',
    'route add 172.16.0.0/12 dev mgmt table 993',
    'route add blackhole 10.77.0.0/16 table 993',
    'route add 2001:db8:77::/48 dev mgmt table 993',
    'neighbour add proxy 192.0.2.77 dev up0',
    'neighbour add proxy 2001:db8:993::77 dev up0',
  ]);
  await nft(
    node,
    'add table inet other',
    'add chain inet other input { type filter hook input priority 0; }',
    'add rule inet other input counter accept',
    'add table ip vmnet',
    'add chain ip vmnet mine',
  );
}

/** Taps vanish at the end of each test, so that the next begins anew. */
async function isAsBefore({ gone = [] }: { gone?: readonly string[] } = {}): Promise<void> {
  const without = (lines: readonly string[]) =>
    lines.filter(line => !gone.some(tap => new RegExp(`\\b${tap}\\b`).test(line)));
  const now = await stateOf(node);
  for (const [name, lines] of Object.entries(now))
    assert.deepEqual(lines, without(before0[name as keyof State]), name);
  assert.deepEqual(recordsOf(node), []);
}

async function detach(tap: string): Promise<void> {
  succeeded(await node.vmnet(['detach', tap]));
}

async function stopBoth(): Promise<void> {
  for (const vm of [a, b]) await stopVm(vm).catch(() => undefined);
}

test('of the last NIC: nothing of ours is left, nothing of theirs is gone', { skip }, async () => {
  await attach(a);
  await works(datacentre, a);
  await detach('tap0');
  await isAsBefore();
  await isSilent(datacentre.router, a.address, a.address6);
  // What stays on is of the uplink and the host, where others may have come to rely on it.
  const changed = (await sysctlsOf(node)).filter(line => !sysctls0.includes(line));
  for (const line of changed) assert.match(line, /\/(up0|vrf993|fwmark_reflect)\b/);
  await stopBoth();
});

test('of one NIC of two: the other keeps its network', { skip }, async () => {
  await attach(a);
  await attach(b);
  await detach('tap0');
  await works(datacentre, b);
  await isClean(node);
  await isSilent(datacentre.router, a.address, a.address6);
  await detach('tap1');
  await isAsBefore();
  await stopBoth();
});

test('twice, and of a tap that never was attached', { skip }, async () => {
  await attach(a);
  await detach('tap0');
  assert.equal(await changesOf(node, ['detach', 'tap0']), 0);
  assert.equal(await changesOf(node, ['detach', 'nosuch0']), 0);
  await isAsBefore();
  await stopBoth();
});

test('of a tap that is gone already', { skip }, async () => {
  await attach(a);
  await attach(b);
  await stopVm(a);
  await detach('tap0');
  await works(datacentre, b);
  await isClean(node);
  await stopVm(b);
  await detach('tap1');
  await isAsBefore({ gone: ['tap0', 'tap1'] });
});

test('of a tap whose record is lost', { skip }, async () => {
  await attach(a);
  await attach(b);
  rmSync(join(node.stateDir, 'nics/tap0.json'));
  await detach('tap0');
  await works(datacentre, b);
  await isSilent(datacentre.router, a.address, a.address6);
  await isClean(node);
  rmSync(join(node.stateDir, 'nics/tap1.json'));
  await detach('tap1');
  const now = await stateOf(node);
  for (const name of ['rules', 'routes', 'proxyNeighbours', 'nft'] as const)
    assert.deepEqual(now[name], before0[name], name);
  // Nobody knows what the taps were: they are in no network and down.
  const links = now.links.filter(line => /ifname=tap/.test(line)).join('\n');
  assert.doesNotMatch(links, /up=true|master=/);
  await stopBoth();
});

testOnce('a dry run of it changes nothing', { skip }, async () => {
  await attach(a);
  const attached = await stateOf(node);
  assert.match(succeeded(await node.vmnet(['detach', 'tap0', '--dry-run'])), /tap0/);
  assert.deepEqual(await stateOf(node), attached);
  await works(datacentre, a);
  await detach('tap0');
  await isAsBefore();
  await stopBoth();
});

testOnce('of a bridged NIC: settings as they were, and the other port stays', { skip }, async () => {
  const c = await startVm(datacentre, `c${number}`, node, bridgedNic(20, 'tap2'));
  await ip(node, 'link', 'set', 'tap1', 'master', 'br0');
  const state = await stateOf(node);
  succeeded(await node.vmnet(['attach', 'tap2', '--mode', 'bridged', '--link', 'br0', '--mac', c.nic.mac]));
  await detach('tap2');
  assert.deepEqual(await stateOf(node), state);
  await stopVm(c);
  await stopBoth();
});

testOnce('by the hook it always exits with 0, and says what went wrong', { skip }, async () => {
  await attach(a);
  const down = (INTERFACE: string) => node.hook('network/routed/down', { INTERFACE });
  assert.deepEqual([(await down('no/such')).exitCode, (await down('nosuch0')).exitCode], [0, 0]);
  assert.match((await down('no/such')).stderr, /no\/such/);
  succeeded(await down('tap0'));
  await isAsBefore();
  await stopBoth();
});
