// The host's own bridges on a real kernel: made, left alone, changed, given back. Bonds, VLANs and VRFs are in test/lab.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { inside, ip, missingForNamespaces } from '../support/command.ts';
import { buildDatacentre, type Datacentre, type Node } from '../support/datacentre.ts';
import { stateOf } from '../support/state.ts';
import { answers, OUTSIDE, settled, succeeded } from './steps.ts';

const skip = missingForNamespaces() ?? false;
let datacentre: Datacentre;
let node: Node;

const OWN = ['192.0.2.201', '2001:db8:993::201'] as const;
const LAN0 = `[bridge lan0]
ports = up0
addresses = ${OWN[0]}/24 ${OWN[1]}/64
routes = 203.0.113.0/24 via 192.0.2.1, 2001:db8:ffff::/48 via 2001:db8:993::1
`;
/** As somebody else has made it. */
const BR0 = '[bridge br0]\nports = up1\naddresses = 198.51.100.2/24 2001:db8:992::2/64\n';

before(async () => {
  if (skip !== false) return;
  datacentre = await buildDatacentre();
  node = datacentre.node1;
});
after(() => datacentre?.close());

async function host(ini: string, ...args: readonly string[]): Promise<string> {
  writeFileSync(node.configFile, ini);
  const said = succeeded(await node.vmnet(['host', ...args]));
  await settled(node);
  return said;
}

async function changes(ini: string, verb = 'up'): Promise<number> {
  return JSON.parse(await host(ini, verb, '--json')).changes;
}

async function inOrder(ini: string): Promise<void> {
  await host(ini, 'check');
  assert.equal(await changes(ini), 0);
}

/** What tells whether a link was made anew, or has lost its carrier for a moment. */
async function lifeOf(link: string): Promise<string> {
  const files = ['ifindex', 'carrier_changes', 'address'].map(file => `/sys/class/net/${link}/${file}`);
  return succeeded(await inside(node, ['cat', ...files]));
}

test('a bridge from nothing carries both families, and all is as before when it goes', { skip }, async () => {
  const was = await stateOf(node);
  assert.equal((await node.vmnet(['host', 'check'])).exitCode, 0, 'no section, no drift');
  const mac = succeeded(await inside(node, ['cat', '/sys/class/net/up0/address']));
  await host(LAN0, 'up');
  await inOrder(LAN0);
  await answers(datacentre.router, ...OWN);
  await answers(node, ...OUTSIDE);
  assert.equal(succeeded(await inside(node, ['cat', '/sys/class/net/lan0/address'])), mac);
  assert.equal(
    succeeded(await inside(node, ['cat', '/sys/class/net/lan0/addr_assign_type'])),
    '3',
    'its own',
  );
  for (const [file, value] of [
    ['stp_state', '0'],
    ['forward_delay', '0'],
    ['multicast_snooping', '0'],
  ])
    assert.equal(succeeded(await inside(node, ['cat', `/sys/class/net/lan0/bridge/${file}`])), value, file);
  await host(LAN0, 'down');
  assert.deepEqual(await stateOf(node), was);
});

test('a bridge of somebody else is taken as it is, and left when vmnet goes', { skip }, async () => {
  await ip(node, 'link', 'set', 'dev', 'br0', 'type', 'bridge', 'mcast_snooping', '0');
  const was = await stateOf(node);
  const life = [await lifeOf('br0'), await lifeOf('up1')];
  await host(BR0, 'up');
  await inOrder(BR0);
  await answers(datacentre.router, '198.51.100.2', '2001:db8:992::2');
  assert.deepEqual([await lifeOf('br0'), await lifeOf('up1')], life);
  await host(BR0, 'down');
  assert.deepEqual(await stateOf(node), was);
});

test('what changes is changed in place, and nothing else', { skip }, async () => {
  await host(LAN0, 'up');
  const life = [await lifeOf('lan0'), await lifeOf('up0')];
  const changed = LAN0.replace(OWN[0], '192.0.2.202').replace(OWN[1], '2001:db8:993::202');
  const other = `${changed}multicast-snooping = yes\nmtu = 1400\n`;
  assert.ok((await changes(other)) > 0);
  await inOrder(other);
  await answers(datacentre.router, '192.0.2.202', '2001:db8:993::202');
  await answers(node, ...OUTSIDE);
  assert.deepEqual([await lifeOf('lan0'), await lifeOf('up0')], life);
  assert.equal(succeeded(await inside(node, ['cat', '/sys/class/net/lan0/bridge/multicast_querier'])), '1');
  assert.equal(succeeded(await inside(node, ['cat', '/sys/class/net/up0/mtu'])), '1400');
});

test('what somebody has undone is drift, and up mends it', { skip }, async () => {
  const breakages: readonly (readonly string[])[] = [
    ['link', 'set', 'dev', 'up0', 'nomaster'],
    ['link', 'set', 'dev', 'lan0', 'down'],
    ['link', 'set', 'dev', 'lan0', 'type', 'bridge', 'stp_state', '1'],
    ['address', 'del', `${OWN[0]}/24`, 'dev', 'lan0'],
    ['address', 'del', `${OWN[1]}/64`, 'dev', 'lan0'],
    ['route', 'del', '203.0.113.0/24'],
    ['-6', 'route', 'del', '2001:db8:ffff::/48'],
    ['link', 'del', 'dev', 'lan0'],
  ];
  await host(LAN0, 'up');
  for (const breakage of breakages) {
    await ip(node, ...breakage);
    const check = await node.vmnet(['host', 'check']);
    assert.equal(check.exitCode, 1, breakage.join(' '));
    await host(LAN0, 'up');
    await inOrder(LAN0);
  }
  await answers(datacentre.router, ...OWN);
  await host(LAN0, 'down');
});

test('the address of a port moves to its bridge, and comes back with its routes', { skip }, async () => {
  await ip(node, 'address', 'add', `${OWN[0]}/24`, 'dev', 'up0');
  await ip(node, 'address', 'add', `${OWN[1]}/64`, 'dev', 'up0', 'nodad');
  await ip(node, 'route', 'add', '203.0.113.0/24', 'via', '192.0.2.1');
  await ip(node, '-6', 'route', 'add', '2001:db8:ffff::/48', 'via', '2001:db8:993::1');
  const env = { SSH_CONNECTION: `192.0.2.1 40000 ${OWN[0]} 22` };
  writeFileSync(node.configFile, LAN0);
  assert.equal((await node.vmnet(['host', 'up'], { env })).exitCode, 65, 'it would cut the connection');
  await answers(node, ...OUTSIDE);
  await host(LAN0, 'up');
  await inOrder(LAN0);
  await answers(node, ...OUTSIDE);
  await host(LAN0, 'down');
  await answers(node, ...OUTSIDE);
  // Without its address it would stand, and could not be made again as it is.
  await ip(node, '-6', 'route', 'del', '2001:db8:ffff::/48');
  await ip(node, 'address', 'flush', 'dev', 'up0', 'scope', 'global');
});

test('a kind of link that this kernel lacks', { skip }, async t => {
  const probe = await inside(node, ['ip', 'link', 'add', 'name', 'v0', 'type', 'vrf', 'table', '77']);
  if (probe.exitCode === 0) return t.skip('it has them all');
  writeFileSync(node.configFile, `${LAN0}[vrf blue]\ntable = 77\n`);
  const was = await stateOf(node);
  const { exitCode, stderr } = await node.vmnet(['host', 'up']);
  assert.equal(exitCode, 69, stderr);
  assert.match(stderr, /node1\.ini:5: .*module vrf; modprobe vrf/);
  assert.deepEqual(await stateOf(node), was);
});

test('Open vSwitch is asked for, and not installed', { skip }, async () => {
  writeFileSync(node.configFile, '[ovs sw0]\nuplink = up0\n');
  const hidden = 'tool=$(command -v ovs-vsctl) && mount --bind /dev/null "$tool"; exec "$@"';
  const program = join(import.meta.dirname, '../../bin/vmnet');
  const config = ['--config', node.configFile, '--state-dir', node.stateDir];
  const argv = ['unshare', '--mount', 'sh', '-c', hidden, '-', program, ...config, 'host', 'up'];
  const { exitCode, stderr } = await inside(node, argv);
  assert.equal(exitCode, 69, stderr);
  assert.match(stderr, /apt-get install openvswitch-switch/);
});
