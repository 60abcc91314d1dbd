// What VMs reach on the host itself: what their network opens, and never its management addresses.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { capture } from '../support/capture.ts';
import { ip, ipBatch, type Place } from '../support/command.ts';
import { buildDatacentre, type Datacentre, type Node, publicNetwork } from '../support/datacentre.ts';
import { bridgedNic, routedNic, startVm, type Vm } from '../support/vm.ts';
import { connects, listen, missingFor } from './programs.ts';
import { answers, attach, isClean, isSilent, succeeded } from './steps.ts';

const skip = missingFor('socat');
const MANAGEMENT = ['10.9.9.1', '2001:db8:999::1'] as const;
/** The host's own on the bridge, and in the subnet of the routed VMs. */
const ON_BRIDGE = ['198.51.100.2', '2001:db8:992::2'] as const;
const IN_SUBNET = ['192.0.2.200', '2001:db8:993::200'] as const;
/** The routed tap's own. */
const ON_TAP = 'fe80::76:6dff:fe6e:6574%eth0';
let datacentre: Datacentre;
let node: Node;
let routed: Vm;
let bridged: Vm;
/** On node2. */
let other: Vm;

before(async () => {
  if (skip !== false) return;
  const lan = ['[network lan]', 'mode = bridged', 'link = br0', 'host-services = tcp/8080'];
  const open = publicNetwork('up0', 'host-access = yes', 'host-services = tcp/8080');
  datacentre = await buildDatacentre({ program: 'dist', config: `${open}${lan.join('\n')}\n` });
  node = datacentre.node1;
  await ipBatch(node, [
    ...ON_BRIDGE.map((address, i) => `address add ${address}/${i === 0 ? 24 : 64} dev br0`),
    // In the subnet, and without the subnet's route in main: what the host sends to VMs goes by their table.
    'address add 192.0.2.200/32 dev lo',
    'address add 2001:db8:993::200/128 dev lo',
  ]);
  await listen(node, 22, 8080);
  routed = await startVm(datacentre, 'routed', node, routedNic(10, 'tap0'));
  bridged = await startVm(datacentre, 'bridged', node, bridgedNic(11, 'tap1'));
  await attach(routed);
  const ips = ['--ip', bridged.address, '--ip', bridged.address6];
  succeeded(await node.vmnet(['attach', 'tap1', '--network', 'lan', '--mac', bridged.nic.mac, ...ips]));
});
after(() => datacentre?.close());

/** Those of these addresses where somebody answers on the port. */
async function answering(
  from: Place,
  addresses: readonly string[],
  port: number,
): Promise<readonly string[]> {
  const answered = await Promise.all(addresses.map(address => connects(from, address, port)));
  return addresses.filter((_, i) => answered[i]);
}

test('the host listens: who is in its management network gets an answer', { skip }, async () => {
  const { node2, router } = datacentre;
  for (const port of [22, 8080]) {
    for (const address of MANAGEMENT) assert.ok(await connects(node2, address, port), `${address} ${port}`);
    // Not from a VM: nothing of vmnet's.
    for (const address of ON_BRIDGE) assert.ok(await connects(router, address, port), `${address} ${port}`);
  }
});

for (const mode of ['routed', 'bridged'] as const) {
  test(`addresses of the host on other links: a ${mode} VM gets no answer, to nothing`, {
    skip,
  }, async () => {
    const vm = mode === 'routed' ? routed : bridged;
    // A guest says itself which way is the shortest.
    if (mode === 'bridged') {
      for (const [i, address] of [...MANAGEMENT, ...IN_SUBNET].entries())
        await ip(vm, 'route', 'replace', address, 'via', ON_BRIDGE[i % 2] ?? '');
    }
    const addresses = [...MANAGEMENT, ...(mode === 'bridged' ? IN_SUBNET : ON_BRIDGE)];
    const both = [answering(vm, addresses, 22), answering(vm, addresses, 8080)];
    await isSilent(vm, ...addresses);
    assert.deepEqual(await Promise.all(both), [[], []]);
    await isClean(node);
  });
}

test('host-services: the opened port answers a bridged VM at the addresses of the bridge, and no other port', {
  skip,
}, async () => {
  assert.deepEqual(await answering(bridged, ON_BRIDGE, 8080), ON_BRIDGE);
  assert.deepEqual(await answering(bridged, ON_BRIDGE, 22), []);
  await answers(bridged, ...ON_BRIDGE);
});

test('host-services: the opened port answers a routed VM at addresses of its subnet, and no other port', {
  skip,
}, async () => {
  assert.deepEqual(await answering(routed, [...IN_SUBNET, ON_TAP], 8080), [...IN_SUBNET, ON_TAP]);
  assert.deepEqual(await answering(routed, [...IN_SUBNET, ON_TAP], 22), []);
  await isSilent(routed, ...IN_SUBNET);
  await answers(routed, ON_TAP);
});

test('host-access = yes: the host pings its routed VM and connects to it, and not the other way round', {
  skip,
}, async () => {
  const service = await listen(routed, 22);
  const addresses = [routed.address, routed.address6];
  await answers(node, ...addresses);
  assert.deepEqual(await answering(node, addresses, 22), addresses);
  await service.stop();
});

test('host-access = no, without host-services: neither does the host reach its VM, nor the VM the host', {
  skip,
}, async () => {
  const { node2 } = datacentre;
  writeFileSync(node2.configFile, publicNetwork('up0'));
  await ipBatch(node2, ['address add 192.0.2.201/32 dev lo', 'address add 2001:db8:993::201/128 dev lo']);
  await listen(node2, 22, 8080);
  other = await startVm(datacentre, 'other', node2, routedNic(12, 'tap0'));
  await attach(other);
  await listen(other, 22);
  await answers(other, '203.0.113.1', '2001:db8:ffff::1');
  assert.deepEqual(await answering(routed, [other.address, other.address6], 22), [
    other.address,
    other.address6,
  ]);
  await isSilent(node2, other.address, other.address6);
  assert.deepEqual(await answering(node2, [other.address, other.address6], 22), []);
  const host = ['192.0.2.201', '2001:db8:993::201', ON_TAP];
  const both = [answering(other, host, 22), answering(other, host, 8080)];
  assert.deepEqual(await Promise.all(both), [[], []]);
});

test('host-services without host-access: what is opened answers a routed VM all the same', {
  skip,
}, async () => {
  const { node2 } = datacentre;
  writeFileSync(node2.configFile, publicNetwork('up0', 'host-services = tcp/8080'));
  succeeded(await node2.vmnet(['repair']));
  const host = ['192.0.2.201', '2001:db8:993::201', ON_TAP];
  const { management } = datacentre.segments;
  const leak = await capture(datacentre.segments, management, 'tcp port 8080');
  const answered = await answering(other, host, 8080);
  assert.deepEqual(await leak.stop(), [], 'the answers leave by the management network');
  assert.deepEqual(answered, host);
});

test('host-services without host-access: the host opens no connection to its VM, and hears no answer of it', {
  skip,
}, async () => {
  const { node2 } = datacentre;
  const addresses = [other.address, other.address6];
  // It does listen, for others.
  assert.deepEqual(await answering(routed, addresses, 22), addresses);
  await isSilent(node2, ...addresses);
  assert.deepEqual(await answering(node2, addresses, 22), []);
  await answers(other, '203.0.113.1', '2001:db8:ffff::1');
});
