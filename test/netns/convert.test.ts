// One live tap changes its kind of network by attach with other words, and back; the guest follows by hand.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ip, ipBatch, missingForNamespaces } from '../support/command.ts';
import { buildDatacentre, type Datacentre } from '../support/datacentre.ts';
import { testOnce } from '../support/domain.ts';
import { stateOf } from '../support/state.ts';
import {
  bridgedNic,
  type GuestNic,
  guestBecomes,
  makeTap,
  routedNic,
  startVm,
  type Vm,
} from '../support/vm.ts';
import { answers, attach, attachArgs, isClean, isSilent, nft, succeeded, works } from './steps.ts';

const skip = missingForNamespaces() ?? false;
let datacentre: Datacentre;
let vm: Vm;
const bridged = bridgedNic(10, 'tap0');
const routed = routedNic(10, 'tap0');

before(async () => {
  if (skip !== false) return;
  datacentre = await buildDatacentre({ program: 'dist' });
  vm = await startVm(datacentre, 'a', datacentre.node1, bridged);
});
after(() => datacentre?.close());

const bare = (address = ''): string => address.split('/')[0] ?? '';
const addresses = ['--ip', bare(bridged.ip), '--ip', bare(bridged.ip6)];
const asBridged = [
  'attach',
  'tap0',
  '--mode',
  'bridged',
  '--link',
  'br0',
  '--mac',
  bridged.mac,
  ...addresses,
];

async function worksBridged(): Promise<void> {
  const { router, node1 } = datacentre;
  await isClean(node1);
  await answers(vm, '198.51.100.1', '2001:db8:992::1', '203.0.113.1', '2001:db8:ffff::1');
  const [address = '', address6 = ''] = [bridged.ip, bridged.ip6].map(text => text?.split('/')[0]);
  await answers(router, address, address6);
}

test('bridged, routed, bridged, routed: traffic in each, and no trace of the one before', {
  skip,
}, async () => {
  const { node1 } = datacentre;
  const untouched = await stateOf(node1);
  succeeded(await node1.vmnet(asBridged));
  await worksBridged();
  const first = await stateOf(node1);

  const routedVm: Vm = await startVmLike(routed);
  await guestBecomes(vm, routed);
  await attach(routedVm);
  await isClean(node1);
  await works(datacentre, routedVm);
  assert.doesNotMatch((await stateOf(node1)).links.join('\n'), /ifname=tap0.*br0/);
  const second = await stateOf(node1);

  succeeded(await node1.vmnet(asBridged));
  await guestBecomes(vm, bridged);
  await worksBridged();
  await isSilent(datacentre.router, routedVm.address, routedVm.address6);
  assert.deepEqual(await stateOf(node1), first);

  succeeded(await node1.vmnet(attachArgs(routedVm)));
  await guestBecomes(vm, routed);
  await works(datacentre, routedVm);
  assert.deepEqual(await stateOf(node1), second);

  succeeded(await node1.vmnet(['detach', 'tap0']));
  assert.deepEqual(await stateOf(node1), untouched);
});

/** The same VM, seen as a routed one. */
async function startVmLike(nic: GuestNic): Promise<Vm> {
  const bare = (text: string | undefined) => text?.split('/')[0] ?? '';
  return { ...vm, nic, address: bare(nic.ip), address6: bare(nic.ip6) };
}

test('another address, another network and back leave nothing of the first', { skip }, async () => {
  const { node1 } = datacentre;
  const one = ['attach', 'tap0', '--network', 'public', '--mac', routed.mac, '--ip', '192.0.2.10'];
  const other = ['attach', 'tap0', '--network', 'public', '--mac', 'aa:00:00:35:6d:0b', '--ip', '192.0.2.11'];
  succeeded(await node1.vmnet(one));
  const first = await stateOf(node1);
  succeeded(await node1.vmnet(other));
  await isClean(node1);
  const state = JSON.stringify(await stateOf(node1));
  for (const old of ['192.0.2.10', '6d0a']) assert.equal(state.includes(old), false, old);
  succeeded(await node1.vmnet(one));
  assert.deepEqual(await stateOf(node1), first);
  succeeded(await node1.vmnet(['detach', 'tap0']));
});

testOnce('a bridge: MTU and MAC are its own, and the host has no address on the port', { skip }, async () => {
  const { node1 } = datacentre;
  await ipBatch(node1, ['link add br9 type bridge', 'link set br9 up', 'link set br0 mtu 1400']);
  for (const [bridge, tap] of [
    ['br9', 'tap9'],
    ['br0', 'tap8'],
  ] as const) {
    await makeTap(node1, tap);
    await ip(node1, 'link', 'set', tap, 'address', '00:00:00:00:00:0a');
    const link = async (name: string) =>
      JSON.parse(await ip(node1, '-j', '-d', 'link', 'show', 'dev', name))[0];
    const before = await link(bridge);
    succeeded(
      await node1.vmnet(['attach', tap, '--mode', 'bridged', '--link', bridge, '--mac', '02:00:00:00:00:0c']),
    );
    const port = await link(tap);
    assert.equal((await link(bridge)).address, before.address, `${bridge} keeps its MAC`);
    assert.deepEqual([port.master, port.mtu, port.flags.includes('UP')], [bridge, before.mtu, true]);
    assert.notEqual(port.address, before.address);
    assert.equal((await ip(node1, '-6', 'address', 'show', 'dev', tap)).trim(), '', 'no IPv6 of the host');
    await isClean(node1);
    succeeded(await node1.vmnet(['detach', tap]));
    assert.equal((await link(bridge)).address, before.address);
    await ip(node1, 'link', 'delete', tap);
  }
  await ip(node1, 'link', 'set', 'br0', 'mtu', '1500');
  await ip(node1, 'link', 'delete', 'br9');
});

testOnce('no such bridge, and one that is none: refused, and the kernel is as it was', { skip }, async () => {
  const { node1 } = datacentre;
  const before = await stateOf(node1);
  for (const link of ['nobr0', 'up0']) {
    const result = await node1.vmnet(['attach', 'tap0', '--mode', 'bridged', '--link', link]);
    assert.equal(result.exitCode, 65);
    assert.match(result.stderr, new RegExp(link));
    assert.deepEqual(await stateOf(node1), before);
  }
});

testOnce('a filter of others in the bridge family is left alone', { skip }, async () => {
  const { node1 } = datacentre;
  await nft(
    node1,
    'add table bridge theirs',
    'add chain bridge theirs c { type filter hook forward priority 0; }',
  );
  const before = await stateOf(node1);
  succeeded(await node1.vmnet(asBridged));
  const theirs = before.nft.filter(line => line.includes('theirs'));
  const now = (await stateOf(node1)).nft;
  assert.ok(theirs.length > 0 && theirs.every(line => now.includes(line)));
  succeeded(await node1.vmnet(['detach', 'tap0']));
  assert.deepEqual(await stateOf(node1), before);
});
