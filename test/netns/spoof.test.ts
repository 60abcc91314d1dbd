// What a VM sends under an address that is not its own does not arrive; what it sends under its own does.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { capture } from '../support/capture.ts';
import { inside, missingForNamespaces } from '../support/command.ts';
import { buildDatacentre, type Datacentre, publicNetwork } from '../support/datacentre.ts';
import { routedNic, sendFrame, startVm, type Vm } from '../support/vm.ts';
import { udp } from './frames.ts';
import { attach, GATEWAY_MAC, nft } from './steps.ts';

const skip = missingForNamespaces() ?? false;
let datacentre: Datacentre;
let vm: Vm;
let other: Vm;

before(async () => {
  if (skip !== false) return;
  const config = publicNetwork('up0', 'host-services = dhcp');
  datacentre = await buildDatacentre({ program: 'dist', config });
  vm = await startVm(datacentre, 'a', datacentre.node1, routedNic(10, 'tap0'));
  other = await startVm(datacentre, 'b', datacentre.node1, routedNic(11, 'tap1'));
  await attach(vm);
  await attach(other);
});
after(() => datacentre?.close());

const FORGED: readonly (readonly [string, (of: { vm: Vm; other: Vm }) => readonly [string, string]])[] = [
  ['a free address of the subnet', () => ['192.0.2.77', '2001:db8:993::77']],
  ["another VM's address", ({ other }) => [other.address, other.address6]],
  ["the gateway's address", () => ['192.0.2.1', '2001:db8:993::1']],
  ['an address of another network', () => ['198.51.100.9', '2001:db8:992::9']],
  ["the node's management address", () => ['10.9.9.1', '2001:db8:999::1']],
  ['an address of the outside', () => ['203.0.113.99', '2001:db8:ffff::99']],
];

/** Sends from the VM under these addresses, to the outside and to the other VM, and says which arrived. */
async function arrived(sources: readonly string[]): Promise<readonly string[]> {
  const sniffers = [
    await capture(datacentre.router, 'eth0', 'udp'),
    await capture(other, 'eth0', 'udp'),
    await capture(datacentre.segments, datacentre.segments.management, 'udp'),
  ];
  for (const [i, from] of sources.entries()) {
    const six = from.includes(':');
    for (const to of six ? ['2001:db8:ffff::1', other.address6] : ['203.0.113.1', other.address]) {
      const ends = { from, to, fromMac: vm.nic.mac, toMac: GATEWAY_MAC };
      await sendFrame(vm, 'eth0', udp(ends, 5000 + i, 4242));
    }
  }
  // A neighbour may still have to be found.
  await sleep(200);
  const lines = (await Promise.all(sniffers.map(sniffer => sniffer.stop()))).flat();
  return sources.filter((from, i) => lines.some(line => line.includes(`${from}.${5000 + i} > `)));
}

test('legal sources arrive at the router and at the other VM', { skip }, async () => {
  assert.deepEqual(await arrived([vm.address, vm.address6]), [vm.address, vm.address6]);
});

for (const [what, sources] of FORGED) {
  test(`${what} as source arrives nowhere`, { skip }, async () => {
    assert.deepEqual(await arrived(sources({ vm, other })), []);
  });
}

test('a DHCP discover reaches a server on the node', { skip }, async () => {
  const { node1 } = datacentre;
  // What a server would be given: counted where sockets are served.
  await nft(
    node1,
    'add table inet seen',
    'add chain inet seen input { type filter hook input priority 0; }',
    'add rule inet seen input iifname { "tap0", "vrf993" } udp sport 68 udp dport 67 counter',
    'add rule inet seen input iifname { "tap0", "vrf993" } udp sport 4000 udp dport 67 counter',
  );
  const ends = { from: '0.0.0.0', to: '255.255.255.255', fromMac: vm.nic.mac, toMac: 'ff:ff:ff:ff:ff:ff' };
  await sendFrame(vm, 'eth0', udp(ends, 68, 67));
  await sendFrame(vm, 'eth0', udp(ends, 4000, 67));
  const { nftables } = JSON.parse(await seen());
  assert.deepEqual(packets(nftables), [1, 0]);
  await nft(node1, 'delete table inet seen');
});

async function seen(): Promise<string> {
  return (await inside(datacentre.node1, ['nft', '-j', 'list', 'table', 'inet', 'seen'])).stdout;
}

function packets(
  objects: readonly { rule?: { expr: { counter?: { packets: number } }[] } }[],
): readonly number[] {
  return objects.flatMap(({ rule }) => rule?.expr.flatMap(({ counter }) => counter?.packets ?? []) ?? []);
}
