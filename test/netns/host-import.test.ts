// A host that plain `ip` has set up moves over: what import prints is what it runs, and up has nothing to do.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { inside, ip, ipBatch, missingForNamespaces } from '../support/command.ts';
import { buildDatacentre, type Datacentre, type Node } from '../support/datacentre.ts';
import { succeeded } from './steps.ts';

const skip = missingForNamespaces() ?? false;
let datacentre: Datacentre;
let node: Node;

before(async () => {
  if (skip !== false) return;
  datacentre = await buildDatacentre({ program: 'dist' });
  node = datacentre.node1;
});
after(() => datacentre?.close());

/** Prints the host, and takes what was printed for the configuration. */
async function imported(): Promise<string> {
  writeFileSync(node.configFile, '');
  const text = succeeded(await node.vmnet(['host', 'import']));
  writeFileSync(node.configFile, text);
  succeeded(await node.vmnet(['config', 'check']));
  assert.equal(JSON.parse(succeeded(await node.vmnet(['host', 'plan', '--json']))).changes, 0, text);
  succeeded(await node.vmnet(['host', 'check']));
  assert.equal(JSON.parse(succeeded(await node.vmnet(['host', 'up', '--json']))).changes, 0, text);
  return text;
}

test('bridges, a policy table and taps of plain ip', { skip }, async () => {
  await ipBatch(node, [
    'link add name lan0 type bridge',
    'link set dev up0 master lan0',
    'link set dev lan0 up',
    'address add 192.0.2.201/24 dev lan0',
    'address add 2001:db8:993::201/64 dev lan0 nodad',
    'route replace default via 192.0.2.1',
    'route add 203.0.113.0/24 via 192.0.2.1 metric 50',
    'route add default via 192.0.2.9 metric 100',
    'route replace default via 2001:db8:993::1',
    'link add name bare type bridge mcast_snooping 0 stp_state 1 forward_delay 450',
    'link set dev bare up',
    'link add name idle type bridge',
    'route add 10.5.0.0/24 dev mgmt table 77',
    'route add default via 10.5.0.1 dev mgmt table 77',
    'route add 2001:db8:5::/64 dev mgmt table 77',
    'route add default via 2001:db8:5::1 dev mgmt table 77',
    'rule add iif mgmt lookup 77',
    'rule add from 10.6.0.0/24 lookup 78',
    'tuntap add dev tap9 mode tap',
    'link set dev tap9 master lan0',
    'link add name docker0 type bridge',
  ]);
  const text = await imported();
  for (const said of [
    /^\[bridge lan0\]\nports = up0$/m,
    /^multicast-snooping = yes\nmulticast-querier = no$/m,
    /^addresses = 192.0.2.201\/24 2001:db8:993::201\/64$/m,
    /^gateway = 192.0.2.1\ngateway6 = 2001:db8:993::1$/m,
    /^routes = .*0.0.0.0\/0 via 192.0.2.9 metric 100/m,
    /^routes = .*203.0.113.0\/24 via 192.0.2.1 metric 50/m,
    /^\[bridge bare\]\nmac = adopted\nstp = yes\nforward-delay = 4.5$/m,
    /^\[network table-77\]\nmode = routed\nlink = 77\ntable = 77\nuplink = mgmt\nsubnet = 10.5.0.0\/24\ngateway = 10.5.0.1\nsubnet6 = 2001:db8:5::\/64\ngateway6 = 2001:db8:5::1$/m,
    /^; .*10.6.0.0\/24 lookup 78$/m,
    /^; .*idle.* down$/m,
    /^; mgmt: address 10.9.9.1\/24$/m,
  ])
    assert.match(text, said);
  assert.doesNotMatch(text, /docker0|tap9|fe80/);
});

test('what vmnet has made', { skip }, async () => {
  await ipBatch(node, ['link del lan0', 'link del idle']);
  writeFileSync(
    node.configFile,
    `[bridge lan1]
ports = up0
mtu = 1400
multicast-snooping = yes
addresses = 192.0.2.201/24 2001:db8:993::201/64
routes = 203.0.113.0/24 via 192.0.2.1, 2001:db8:ffff::/48 via 2001:db8:993::1
`,
  );
  succeeded(await node.vmnet(['host', 'up']));
  const text = await imported();
  assert.match(text, /^\[bridge lan1\]\nports = up0\nmulticast-snooping = yes\nmtu = 1400\naddresses = /m);
  const { sections, changes } = JSON.parse(succeeded(await node.vmnet(['host', 'import', '--json'])));
  const lan1 = sections.find(({ name }: { name: string }) => name === 'lan1');
  assert.equal(lan1.keys.routes, '203.0.113.0/24 via 192.0.2.1, 2001:db8:ffff::/48 via 2001:db8:993::1');
  assert.deepEqual(changes, []);
});

test('a port with an address of its own is left as it is', { skip }, async () => {
  await ip(node, 'address', 'add', '10.8.0.1/24', 'dev', 'up1');
  const text = await imported();
  assert.match(text, /^# .*up1, .*addresses of its own$/m);
  assert.match(succeeded(await inside(node, ['ip', 'address', 'show', 'dev', 'up1'])), /10\.8\.0\.1/);
});
