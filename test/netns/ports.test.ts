// How a VM's port behaves: isolated from its neighbours, with one MAC, and with multicast snooping on the bridge.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { capture } from '../support/capture.ts';
import { ip, ipBatch, missingForNamespaces, must } from '../support/command.ts';
import { buildDatacentre, type Datacentre, type Node, publicNetwork } from '../support/datacentre.ts';
import { bridgedNic, routedNic, sendFrame, startVm, type Vm } from '../support/vm.ts';
import { solicitation, udp } from './frames.ts';
import { answers, attach, isClean, isSilent, nft, OUTSIDE, succeeded } from './steps.ts';

const skip = missingForNamespaces() ?? false;
const GATEWAYS = ['198.51.100.1', '2001:db8:992::1'] as const;

/** Two VMs on the bridge of one node, in the network `lan` with these lines. */
async function onBridge(
  lines: readonly string[],
  work: (of: { datacentre: Datacentre; node: Node; one: Vm; two: Vm }) => Promise<void>,
): Promise<void> {
  const config = `${['[network lan]', 'mode = bridged', 'link = br0', ...lines].join('\n')}\n`;
  const datacentre = await buildDatacentre({ program: 'dist', config });
  try {
    const node = datacentre.node1;
    const one = await startVm(datacentre, 'one', node, bridgedNic(10, 'tap0'));
    const two = await startVm(datacentre, 'two', node, bridgedNic(11, 'tap1'));
    for (const vm of [one, two]) await attachBridged(vm);
    await work({ datacentre, node, one, two });
  } finally {
    datacentre.close();
  }
}

async function attachBridged({ node, nic, address, address6 }: Vm): Promise<void> {
  const ips = ['--ip', address, '--ip', address6];
  succeeded(await node.vmnet(['attach', nic.tap, '--network', 'lan', '--mac', nic.mac, ...ips]));
}

test('isolated = yes: VMs of one bridge reach the uplink and not each other, flushed or not', { skip }, () =>
  onBridge(['isolated = yes'], async ({ datacentre, node, one, two }) => {
    for (const vm of [one, two]) await answers(vm, ...GATEWAYS, ...OUTSIDE);
    await isSilent(one, two.address, two.address6);
    await isSilent(two, one.address, one.address6);
    await answers(datacentre.router, one.address, two.address6);
    await isClean(node);
    await nft(node, 'flush ruleset');
    await isSilent(one, two.address, two.address6);
    await answers(one, ...GATEWAYS);
  }),
);

test('isolated = no, on the bridge: VMs reach each other', { skip }, () =>
  onBridge([], ({ one, two }) => answers(one, two.address, two.address6)),
);

test('routed VMs with the tag `isolate` do not reach each other; one alone reaches who has none', {
  skip,
}, async () => {
  const datacentre = await buildDatacentre({ program: 'dist', config: publicNetwork('up0') });
  try {
    const { node1 } = datacentre;
    const one = await startVm(datacentre, 'one', node1, routedNic(10, 'tap0'));
    const two = await startVm(datacentre, 'two', node1, routedNic(11, 'tap1'));
    await attach(one, '--tag', 'vmnet:network:*:isolate');
    await attach(two);
    await answers(one, two.address, two.address6);
    await attach(two, '--tag', 'vmnet:network:*:isolate');
    await isSilent(one, two.address, two.address6);
    await isSilent(two, one.address, one.address6);
    for (const vm of [one, two]) await answers(vm, ...OUTSIDE);
    await isClean(node1);
    // Off again with the tag.
    await attach(two);
    await answers(one, two.address, two.address6);
  } finally {
    datacentre.close();
  }
});

test('learning = no: one static entry, and even after a flush no frame of another MAC', { skip }, () =>
  onBridge(['learning = no'], async ({ datacentre, node, one, two }) => {
    const entries = await must(['bridge', '-n', node.ns, 'fdb', 'show', 'br', 'br0', 'brport', 'tap0']);
    assert.match(entries, new RegExp(`^${one.nic.mac} .*master br0 static`, 'm'));
    await answers(one, ...GATEWAYS, two.address, two.address6);
    await isClean(node);
    assert.deepEqual(await arriveAtRouter(datacentre, one), { own: true, foreign: false });
    await nft(node, 'flush ruleset');
    assert.deepEqual(await arriveAtRouter(datacentre, one), { own: true, foreign: false });
    await answers(one, ...GATEWAYS);
    succeeded(await node.vmnet(['repair']));
    await isClean(node);
    succeeded(await node.vmnet(['detach', 'tap0']));
    const left = await must(['bridge', '-n', node.ns, 'fdb', 'show', 'br', 'br0']);
    assert.doesNotMatch(left, new RegExp(one.nic.mac));
  }),
);

test('learning = yes: it is the filter alone that stops another MAC', { skip }, () =>
  onBridge([], async ({ datacentre, node, one }) => {
    assert.deepEqual(await arriveAtRouter(datacentre, one), { own: true, foreign: false });
    await nft(node, 'flush ruleset');
    assert.deepEqual(await arriveAtRouter(datacentre, one), { own: true, foreign: true });
  }),
);

/** Which of two datagrams of a VM's, with its MAC and with another, comes to the router. */
async function arriveAtRouter({ router }: Datacentre, vm: Vm): Promise<{ own: boolean; foreign: boolean }> {
  const macs = { own: vm.nic.mac, foreign: '02:00:5e:00:53:99' };
  const [{ address: toMac }] = JSON.parse(await ip(router, '-j', 'link', 'show', 'dev', 'eth1'));
  const sniffer = await capture(router, 'eth1', 'udp port 4242');
  for (const fromMac of Object.values(macs)) {
    const ends = { from: vm.address, to: '198.51.100.1', fromMac, toMac };
    await sendFrame(vm, 'eth0', udp(ends, 4242, 4242));
  }
  await sleep(100);
  const lines = await sniffer.stop();
  const seen = (mac: string) => lines.some(line => line.includes(`${mac} > `));
  return { own: seen(macs.own), foreign: seen(macs.foreign) };
}

test('multicast snooping: a VM that never said which groups it listens to is still solicited', { skip }, () =>
  onBridge([], async ({ datacentre, node, one }) => {
    // From when a bridge has a querier, it sends to known listeners alone; itself it counts a while after its first query.
    await ipBatch(node, [
      'link set br0 type bridge mcast_query_response_interval 10',
      'link set br0 type bridge mcast_snooping 1 mcast_querier 1',
    ]);
    const block = 'icmpv6 type { mld-listener-report, mld2-listener-report, mld-listener-done } drop';
    await nft(
      one,
      'add table ip6 mute',
      'add chain ip6 mute output { type filter hook output priority 0; }',
      `add rule ip6 mute output ${block}`,
    );
    await ipBatch(one, ['link set eth0 down', 'link set eth0 up']);
    await ipBatch(one, [`address replace ${one.nic.ip6} dev eth0`]);
    await sleep(400);
    assert.doesNotMatch(await must(['bridge', '-n', node.ns, 'mdb', 'show', 'dev', 'br0']), /tap0/);
    assert.equal(await isSolicited(datacentre, one), true);
    await answers(datacentre.router, one.address6);
    await isClean(node);
    // Without what vmnet sets on the port, it would hear nothing.
    await must(['bridge', '-n', node.ns, 'link', 'set', 'dev', 'tap0', 'mcast_router', '1']);
    assert.equal(await isSolicited(datacentre, one), false);
    succeeded(await node.vmnet(['repair']));
    assert.equal(await isSolicited(datacentre, one), true);
  }),
);

async function isSolicited({ router }: Datacentre, vm: Vm): Promise<boolean> {
  const filter = 'ip6 and ip6[6] = 58 and ip6[40] = 135 and ether dst 33:33:ff:35:6d:0a';
  const sniffer = await capture(vm, 'eth0', filter);
  const ends = { from: '2001:db8:992::1', to: vm.address6, fromMac: '02:00:5e:00:53:01' };
  await sendFrame(router, 'eth1', solicitation(ends));
  await sleep(100);
  return (await sniffer.stop()).length > 0;
}
