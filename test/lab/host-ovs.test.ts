// A bridge of a real Open vSwitch that the file describes: made, changed, taken down, imported.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { answers, succeeded } from '../netns/steps.ts';
import { inside, ip, ipBatch, missingForNamespaces } from '../support/command.ts';
import { buildDatacentre, type Datacentre, type Node } from '../support/datacentre.ts';
import { hasSwitchModule, missingForSwitch, type Switch, startSwitch } from '../support/openvswitch.ts';
import { stateOf } from '../support/state.ts';

const skip =
  missingForNamespaces() ??
  missingForSwitch() ??
  (hasSwitchModule() ? false : 'this kernel has no module openvswitch');
const GATEWAYS = ['198.51.100.1', '2001:db8:992::1'] as const;
const INI = `[ovs sw0]
uplink = up1
tag = 10
addresses = 198.51.100.2/24 2001:db8:992::2/64
`;
/** The host is in VLAN 10 itself, above the switch, on which the uplink is an access port. */
const ABOVE = `[ovs sw0]
uplink = up1
tag = 10
trunks = 20 30-31
mtu = 1400

[vlan sw0.10]
parent = sw0
id = 10
addresses = 198.51.100.2/24 2001:db8:992::2/64
`;
let datacentre: Datacentre;
let node: Node;
let ovs: Switch | undefined;

before(async () => {
  if (skip !== false) return;
  datacentre = await buildDatacentre({ program: 'dist', config: '' });
  node = datacentre.node1;
  await ipBatch(node, ['link set up1 nomaster', 'link delete br0']);
});
after(async () => {
  await ovs?.close();
  datacentre?.close();
});

async function host(ini: string, ...args: readonly string[]): Promise<string> {
  writeFileSync(node.configFile, ini);
  const said = succeeded(await node.vmnet(['host', ...args], ovs === undefined ? {} : { env: ovs.env }));
  // Until duplicate address detection is over.
  for (let turn = 0; args[0] === 'up' && turn < 50; turn += 1) {
    if ((await ip(node, '-6', 'address', 'show', 'tentative')) === '') break;
    await sleep(200);
  }
  return said;
}

const vsctl = async (...args: readonly string[]): Promise<string> => (await ovs?.vsctl(...args)) ?? '';

test('Open vSwitch does not run: said so, and nothing is done', { skip }, async () => {
  writeFileSync(node.configFile, INI);
  const env = { OVS_RUNDIR: '/nonexistent' };
  const { exitCode, stderr } = await node.vmnet(['host', 'up'], { env });
  assert.equal(exitCode, 69, stderr);
  assert.match(stderr, /openvswitch-switch/);
});

test('from nothing, and down to it again', { skip }, async () => {
  ovs = await startSwitch([], node);
  const was = await stateOf(node);
  await host(INI, 'up');
  await host(INI, 'check');
  assert.equal(JSON.parse(await host(INI, 'up', '--json')).changes, 0);
  assert.equal(await vsctl('list-ports', 'sw0'), 'up1');
  const again = await host('', 'import');
  assert.match(
    again,
    /^\[ovs sw0\]\nuplink = up1\ntag = 10\naddresses = 198.51.100.2\/24 2001:db8:992::2\/64$/m,
  );
  assert.equal(JSON.parse(await host(again, 'plan', '--json')).changes, 0, again);
  // The host's own port is a trunk: VLAN 10 has its tag there.
  await host(ABOVE, 'up');
  await host(ABOVE, 'check');
  await answers(node, ...GATEWAYS);
  for (const link of ['sw0', 'up1'])
    assert.match(succeeded(await inside(node, ['cat', `/sys/class/net/${link}/mtu`])), /^1400/, link);
  assert.equal(await vsctl('get', 'Port', 'up1', 'trunks'), '[20, 30, 31]');
  const all = await host('', 'import');
  assert.equal(JSON.parse(await host(all, 'plan', '--json')).changes, 0, all);
  await host('', 'down');
  assert.equal(await vsctl('list-br'), '');
  assert.deepEqual(await stateOf(node), was);
});

test('what somebody has undone is drift, and up mends it; what is theirs stays', { skip }, async () => {
  await host(ABOVE, 'up');
  for (const breakage of [
    ['del-port', 'up1'],
    ['set', 'Port', 'up1', 'tag=11'],
  ]) {
    await vsctl(...breakage);
    const check = await node.vmnet(['host', 'check'], ovs === undefined ? {} : { env: ovs.env });
    assert.equal(check.exitCode, 1, `${breakage.join(' ')}: ${check.stderr}`);
    await host(ABOVE, 'up');
  }
  await answers(node, ...GATEWAYS);
  await ip(node, 'tuntap', 'add', 'dev', 'tap9', 'mode', 'tap');
  await vsctl('add-port', 'sw0', 'tap9');
  const refused = await node.vmnet(['host', 'down'], ovs === undefined ? {} : { env: ovs.env });
  assert.equal(refused.exitCode, 78, refused.stderr);
  await vsctl('del-port', 'tap9');
  await host(ABOVE, 'down');
  await vsctl('add-br', 'theirs');
  await host(INI.replace('sw0', 'theirs'), 'up');
  await host('', 'down');
  assert.equal(await vsctl('list-br'), 'theirs');
  assert.equal(await vsctl('list-ports', 'theirs'), '');
});
