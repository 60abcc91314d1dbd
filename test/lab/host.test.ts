// Bonds, VLANs and VRFs of the host on a kernel that has them: the node of etc/examples with VMs on it.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { answers, attach, OUTSIDE, succeeded } from '../netns/steps.ts';
import { capture } from '../support/capture.ts';
import { inside, ip, ipBatch } from '../support/command.ts';
import { buildDatacentre, type Datacentre, type Node } from '../support/datacentre.ts';
import { missingLinkTypes } from '../support/link-types.ts';
import { ping, startProbe } from '../support/probe.ts';
import { stateOf } from '../support/state.ts';
import { bridgedNic, guestBecomes, routedNic, startVm, type Vm } from '../support/vm.ts';
import { buildTrunk } from './trunk.ts';

const skip = missingLinkTypes('bond', 'vlan', 'vrf') ?? false;
const EXAMPLE = readFileSync(join(import.meta.dirname, '../../etc/examples/grnet-node.ini'), 'utf8');
const LACP = EXAMPLE.replace(
  /^mode = active-backup$/m,
  'mode = 802.3ad\nxmit-hash-policy = layer3+4\nlacp-rate = fast\nmin-links = 1',
).replace(/^primary = .*$/m, '');
const ROUTERS = ['10.9.9.254', '2001:db8:999::fe'] as const;

let datacentre: Datacentre;
let node: Node;
let routed: Vm;
let bridged: Vm;

before(async () => {
  if (skip !== false) return;
  datacentre = await buildDatacentre({ program: 'dist' });
  node = datacentre.node1;
  await buildTrunk(datacentre);
});
after(() => datacentre?.close());

async function host(ini: string, ...args: readonly string[]): Promise<string> {
  writeFileSync(node.configFile, ini);
  return succeeded(await node.vmnet(['host', ...args]));
}

async function attachBridged(): Promise<void> {
  const { nic, address, address6 } = bridged;
  const ips = ['--ip', address, '--ip', address6];
  succeeded(await node.vmnet(['attach', 'tap1', '--network', 'services', '--mac', nic.mac, ...ips]));
}

async function inOrder(ini: string): Promise<void> {
  await host(ini, 'check');
  assert.equal(JSON.parse(await host(ini, 'up', '--json')).changes, 0);
}

async function read(...files: readonly string[]): Promise<string> {
  return succeeded(await inside(node, ['cat', ...files]));
}

async function eventually(what: string, holds: () => Promise<boolean>): Promise<void> {
  for (let turn = 0; turn < 100; turn += 1) {
    if (await holds()) return;
    await sleep(200);
  }
  assert.fail(what);
}

test('the example is built by one command, and found in order by the next', { skip }, async () => {
  const was = await stateOf(node);
  await host(EXAMPLE, 'up');
  await inOrder(EXAMPLE);
  await eventually('the routers answer', async () => (await ping(node, ROUTERS[1])).received > 0);
  await answers(node, ...ROUTERS);
  const life = ['ifindex', 'carrier_changes'].flatMap(file =>
    ['bond0', 'bond0.992', 'vlan992', 'bond0.993', 'eno1'].map(link => `/sys/class/net/${link}/${file}`),
  );
  const lived = await read(...life);
  await host(EXAMPLE, 'up');
  assert.equal(await read(...life), lived, 'nothing was touched');
  await host(EXAMPLE, 'down');
  assert.deepEqual(await stateOf(node), was);
});

test('a routed VM on bond0.993 and a bridged one on vlan992, with the right tags', { skip }, async () => {
  await host(EXAMPLE, 'up');
  routed = await startVm(datacentre, 'routed', node, routedNic(10, 'tap0'));
  bridged = await startVm(datacentre, 'bridged', node, bridgedNic(11, 'tap1'));
  await attach(routed);
  await attachBridged();
  const tags = await capture(datacentre.segments, 't1', 'vlan');
  await answers(routed, ...OUTSIDE);
  await answers(bridged, '198.51.100.1', '2001:db8:992::1');
  const lines = await tags.stop();
  const echo = (address: string) =>
    lines.filter(line => line.includes(`${address} > `) && /echo request/.test(line));
  for (const [address, tag] of [
    [routed.address, 'vlan 993,'],
    [routed.address6, 'vlan 993,'],
    [bridged.address, 'vlan 992,'],
    [bridged.address6, 'vlan 992,'],
  ] as const) {
    assert.ok(echo(address).length > 0, `${address} in ${lines.join('\n')}`);
    assert.ok(
      echo(address).every(line => line.includes(tag)),
      `${address} has ${tag}`,
    );
  }
});

test('a VM of the bridge becomes one of the routed VLAN, and again of the bridge', { skip }, async () => {
  const nic = routedNic(11, 'tap1');
  const [address = '', address6 = ''] = [nic.ip, nic.ip6].map(one => one?.split('/')[0]);
  const ips = ['--ip', address, '--ip', address6];
  succeeded(await node.vmnet(['attach', 'tap1', '--network', 'public', '--mac', nic.mac, ...ips]));
  await guestBecomes(bridged, nic);
  await answers(bridged, ...OUTSIDE);
  await answers(datacentre.router, address, address6);
  await attachBridged();
  await guestBecomes(bridged, bridged.nic);
  await answers(bridged, '198.51.100.1', '2001:db8:992::1');
  succeeded(await node.vmnet(['check']));
});

test('when the primary port loses its carrier, the other takes over; and back', { skip }, async () => {
  const active = '/sys/class/net/bond0/bonding/active_slave';
  assert.equal(await read(active), 'eno1');
  for (const [state, port] of [
    ['down', 'eno2'],
    ['up', 'eno1'],
  ] as const) {
    const probes = await Promise.all(OUTSIDE.map(one => startProbe(routed, one)));
    await sleep(300);
    await ip(datacentre.segments, 'link', 'set', 'dev', 't1', state);
    await eventually(`${port} is active`, async () => (await read(active)) === port);
    await sleep(300);
    const probed = await Promise.all(probes.map(probe => probe.stop()));
    const longestGapMs = Math.max(...probed.map(one => one.longestGapMs));
    // It looks at the carriers every 100 ms; the rest is for a machine without acceleration.
    assert.ok(longestGapMs < 1500, `${longestGapMs} ms without an answer while t1 goes ${state}`);
    await answers(bridged, '198.51.100.1', '2001:db8:992::1');
    await inOrder(EXAMPLE);
  }
});

test('another mode needs new links: refused, then done, and repair brings the NICs back', {
  skip,
}, async () => {
  writeFileSync(node.configFile, LACP);
  const refusal = await node.vmnet(['host', 'up']);
  assert.equal(refusal.exitCode, 65);
  assert.match(refusal.stderr, /node1\.ini:7: .*--recreate/);
  await ipBatch(datacentre.segments, [
    'link add name lag type bond mode 802.3ad lacp_rate fast miimon 100 xmit_hash_policy layer3+4',
    'link set dev t1 nomaster down',
    'link set dev t2 nomaster down',
    'link set dev t1 master lag',
    'link set dev t2 master lag',
    'link set dev lag mtu 9000 master trunk up',
  ]);
  await host(LACP, 'up', '--recreate');
  await inOrder(LACP);
  succeeded(await node.vmnet(['repair']));
  succeeded(await node.vmnet(['check']));
  await eventually('both ports are in one aggregate', async () => {
    const ids = await read(
      '/sys/class/net/eno1/bonding_slave/ad_aggregator_id',
      '/sys/class/net/eno2/bonding_slave/ad_aggregator_id',
      '/sys/class/net/bond0/bonding/ad_num_ports',
    );
    const [first, second, ports] = ids.split('\n');
    return first === second && ports === '2';
  });
  assert.notEqual(await read('/sys/class/net/bond0/bonding/ad_partner_mac'), '00:00:00:00:00:00');
  await eventually('the outside answers', async () => (await ping(routed, OUTSIDE[0])).received > 0);
  await answers(routed, ...OUTSIDE);
  await answers(bridged, '198.51.100.1', '2001:db8:992::1');
});

test('what VMs stand on is not taken away', { skip }, async () => {
  const down = await node.vmnet(['host', 'down']);
  assert.equal(down.exitCode, 78);
  assert.match(down.stderr, /tap1/);
  await answers(bridged, '198.51.100.1', '2001:db8:992::1');
  for (const tap of ['tap0', 'tap1']) succeeded(await node.vmnet(['detach', tap]));
  for (const tap of ['tap0', 'tap1']) await ip(node, 'link', 'del', tap);
  await host(LACP, 'down');
});

test('a VRF has its own way out, and nothing of it goes by main', { skip }, async () => {
  await ip(
    datacentre.segments,
    'link',
    'add',
    'n1x',
    'type',
    'veth',
    'peer',
    'name',
    'eno3',
    'netns',
    node.ns,
  );
  await ipBatch(datacentre.segments, [`link set dev n1x master ${datacentre.segments.management} up`]);
  await ipBatch(node, [
    'link set eno3 up',
    'address add 10.9.9.3/24 dev eno3',
    'address add 2001:db8:999::3/64 dev eno3',
  ]);
  const was = await stateOf(node);
  const ini = '[vrf mgmt]\ntable = 1001\nports = eno3\ngateway = 10.9.9.254\ngateway6 = 2001:db8:999::fe\n';
  await host(ini, 'up');
  await inOrder(ini);
  for (const address of ROUTERS) {
    const reached = await inside(node, ['ip', 'vrf', 'exec', 'mgmt', 'ping', '-c', '2', address]);
    const bound = await inside(node, ['ping', '-I', 'mgmt', '-c', '2', '-W', '2', address]);
    assert.ok(reached.exitCode === 0 || bound.exitCode === 0, `${address}: ${bound.stdout}`);
    assert.notEqual((await inside(node, ['ping', '-c', '1', '-W', '1', address])).exitCode, 0, 'not by main');
  }
  assert.match(await ip(node, 'route', 'show', 'vrf', 'mgmt'), /unreachable default .*4278198272/);
  await host(ini, 'down');
  const now = await stateOf(node);
  assert.deepEqual(now.links, was.links);
  // The kernel gives eno3 its link-local one in its own time.
  const given = (lines: readonly string[]) => lines.filter(line => !line.includes(' fe80:'));
  assert.deepEqual(given(now.addresses), given(was.addresses));
});
