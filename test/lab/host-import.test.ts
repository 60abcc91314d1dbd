// Nodes with bonds, VLANs, VRFs and VLAN-aware bridges move over: what vmnet made, and what plain ip made.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { succeeded } from '../netns/steps.ts';
import { ipBatch, must } from '../support/command.ts';
import { buildDatacentre, type Datacentre, type Node } from '../support/datacentre.ts';
import { missingLinkTypes } from '../support/link-types.ts';

const skip = missingLinkTypes('bond', 'vlan', 'vrf') ?? false;
const EXAMPLE = readFileSync(join(import.meta.dirname, '../../etc/examples/grnet-node.ini'), 'utf8');
const VRF = `${EXAMPLE}
[vrf mgmt]
table = 1001
ports = eno3
gateway = 10.7.0.1
gateway6 = 2001:db8:7::1
`;
let datacentre: Datacentre;
let node: Node;

before(async () => {
  if (skip !== false) return;
  datacentre = await buildDatacentre({ program: 'dist' });
  node = datacentre.node1;
  const { segments } = datacentre;
  await ipBatch(node, ['link del br0', 'link del up0', 'link del up1', 'link del mgmt']);
  await ipBatch(segments, [
    ...[1, 2, 3, 4].flatMap(n => [
      `link add t${n} type veth peer name eno${n} netns ${node.ns}`,
      `link set dev t${n} mtu 9000 up`,
    ]),
  ]);
  await ipBatch(node, [
    'link set dev eno3 up',
    'link set dev eno4 up',
    'address add 10.7.0.2/24 dev eno3',
    'address add 2001:db8:7::2/64 dev eno3 nodad',
  ]);
});
after(() => datacentre?.close());

async function host(ini: string, ...args: readonly string[]): Promise<string> {
  writeFileSync(node.configFile, ini);
  return succeeded(await node.vmnet(['host', ...args]));
}

/** The file of what runs, after which there is nothing to do but what it says itself, and that is `expected`. */
async function imported(expected = /^$/): Promise<string> {
  const text = await host('', 'import');
  const said = text.split('\n').filter(line => /^; [-+~] /.test(line));
  assert.deepEqual(
    said.filter(line => !expected.test(line)),
    [],
  );
  assert.equal(JSON.parse(await host(text, 'up', '--json')).changes, said.length, text);
  succeeded(await node.vmnet(['config', 'check']));
  return text;
}

/** The keys of a section, each on its line. */
function keysOf(text: string, head: string): readonly string[] {
  const [, body = ''] = text.split(`[${head}]\n`);
  return (
    body
      .split('\n\n')[0]
      ?.split('\n')
      .filter(line => !line.startsWith('#')) ?? []
  );
}

test("the module is loaded without a bond of its own, and a stray one is in nobody's way", {
  skip,
}, async () => {
  await must(['modprobe', '-r', 'bonding']);
  assert.ok(!existsSync('/sys/module/bonding'));
  await host(VRF, 'up');
  assert.ok(!existsSync('/sys/class/net/bond0'), 'where the module was loaded');
  await host('', 'down');
  await ipBatch(node, ['link add name bond0 type bond']);
  await host(VRF, 'up');
  await host(VRF, 'check');
});

test('the example, and a VRF', { skip }, async () => {
  const text = await imported();
  assert.deepEqual(keysOf(text, 'bond bond0'), [
    'mode = active-backup',
    'ports = eno1 eno2',
    'primary = eno1',
    'miimon = 100',
    'mtu = 9000',
    'addresses = 10.9.9.1/24 2001:db8:999::1/64',
    'gateway = 10.9.9.254',
    'gateway6 = 2001:db8:999::fe',
  ]);
  assert.deepEqual(keysOf(text, 'vlan bond0.993'), ['parent = bond0', 'id = 993', 'mtu = 1500']);
  assert.deepEqual(keysOf(text, 'bridge vlan992'), ['ports = bond0.992']);
  assert.deepEqual(keysOf(text, 'vrf mgmt'), [
    'table = 1001',
    'ports = eno3',
    'gateway = 10.7.0.1',
    'gateway6 = 2001:db8:7::1',
  ]);
  await host('', 'down');
});

test('plain ip: the node of the talk, with LACP, a VLAN-aware bridge and a bare VRF', { skip }, async () => {
  await ipBatch(node, [
    'link set dev eno1 down',
    'link set dev eno2 down',
    'link add bond0 type bond mode 802.3ad xmit_hash_policy layer3+4 lacp_rate fast',
    'link set eno1 master bond0',
    'link set eno2 master bond0',
    'link set bond0 up',
    'address add 10.9.9.1/24 dev bond0',
    'route add default via 10.9.9.254',
    'link add link bond0 name bond0.992 type vlan id 992',
    'link set dev bond0.992 up',
    'link add name vlan992 type bridge',
    'link set bond0.992 master vlan992',
    'link set dev vlan992 up',
    'tuntap add dev tap0 mode tap',
    'link set tap0 master vlan992 up',
    'link add link bond0 name bond0.993 type vlan id 993',
    'link set dev bond0.993 up',
    'route add 62.217.124.48/29 dev bond0.993 table 993',
    'route add default via 62.217.124.49 dev bond0.993 table 993',
    'route add 62.217.124.53 dev tap0 proto static table 993',
    'rule add iif bond0.993 lookup 993',
    'rule add iif tap0 lookup 993',
    'link add name vbr type bridge vlan_filtering 1',
    'link set eno4 master vbr',
    'link set vbr up',
    'link add name mgmt type vrf table 1001',
    'link set mgmt up',
    'link set eno3 master mgmt',
    'route add default via 10.7.0.1 dev eno3 table 1001',
  ]);
  await must(['ip', 'netns', 'exec', node.ns, 'bridge', 'vlan', 'add', 'vid', '20', 'dev', 'eno4']);
  // By hand, a VRF has neither addresses of its own nor rules of vmnet's.
  const text = await imported(/ address mgmt | rule /);
  const expected: Readonly<Record<string, readonly string[]>> = {
    'bond bond0': [
      'mode = 802.3ad',
      'ports = eno1 eno2',
      'xmit-hash-policy = layer3+4',
      'lacp-rate = fast',
      'min-links = 0',
      'miimon = 100',
      'addresses = 10.9.9.1/24',
      'gateway = 10.9.9.254',
    ],
    'bridge vbr': [
      'ports = eno4',
      'forward-delay = 15',
      'multicast-snooping = yes',
      'multicast-querier = no',
      'vlan-aware = yes',
      'default-pvid = 1',
    ],
    'vrf mgmt': ['table = 1001', 'unreachable = no', 'ports = eno3', 'gateway = 10.7.0.1'],
    'network vbr': ['mode = bridged', 'link = vbr', 'vlan-uplinks = eno4'],
    'network table-993': [
      'mode = routed',
      'link = 993',
      'table = 993',
      'uplink = bond0.993',
      'subnet = 62.217.124.48/29',
      'gateway = 62.217.124.49',
    ],
  };
  for (const [head, keys] of Object.entries(expected)) assert.deepEqual(keysOf(text, head), keys, head);
  assert.match(text, /^# .*eno4 .*20$/m);
  assert.doesNotMatch(text, /tap0/);
});
