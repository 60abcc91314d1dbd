// Bridges of Open vSwitch that the file describes, on the kernel in memory.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VmnetError } from '../../lib/core/errors.ts';
import { stepText } from '../../lib/core/plan/plan.ts';
import { render } from '../../lib/core/plan/render.ts';
import { hostCheck, hostDown, hostUp } from '../../lib/run/host.ts';
import { hostImport } from '../../lib/run/host-import.ts';
import type { Context } from '../../lib/run/ports.ts';
import { hostWorld } from '../support/host-world.ts';
import { refused } from '../support/parse-config.ts';

const NOW = { dryRun: false, recreate: false };
const SWITCH = `[ovs sw0]
uplink = eth3
tag = 10
trunks = 20 30-32
mtu = 9000
addresses = 10.4.0.2/24 2001:db8:4::2/64
gateway = 10.4.0.1
gateway6 = 2001:db8:4::1
`;
const ON_BOND = `[bond bond0]
mode = active-backup
ports = eth0 eth1
[ovs sw0]
uplink = bond0
[vlan sw0.5]
parent = sw0
id = 5
addresses = 10.5.0.2/24
`;

async function linesOf(context: Context): Promise<readonly string[]> {
  const { plan } = await hostUp(context, { dryRun: true, recreate: false });
  return render(plan.steps).flatMap(batch => batch.lines.map(line => `${batch.tool} ${line.text}`));
}

async function isInOrder(context: Context): Promise<void> {
  assert.deepEqual((await hostCheck(context)).map(stepText), []);
}

test('a switch from nothing: its bridge and uplink in one transaction, before what ip does to them', async () => {
  const world = hostWorld();
  const was = world.kernel.snapshot();
  assert.deepEqual(await linesOf(world.under(SWITCH)), [
    'ovs --may-exist add-br sw0 -- set Bridge sw0 external_ids:vmnet=host -- set Interface sw0 mtu_request=9000',
    'ovs --if-exists del-port eth3 -- add-port sw0 eth3 -- set Port eth3 vlan_mode=native-untagged tag=10 trunks=20,30,31,32 external_ids:vmnet=host',
    'ip link set dev eth3 mtu 9000',
    'ip link set dev sw0 up',
    'ip address add 10.4.0.2/24 dev sw0',
    'ip address add 2001:db8:4::2/64 dev sw0',
    'ip route add 0.0.0.0/0 via 10.4.0.1 dev sw0 onlink table 254 protocol 119',
    'ip route add ::/0 via 2001:db8:4::1 dev sw0 onlink table 254 metric 1024 protocol 119',
  ]);
  await hostUp(world.under(SWITCH), NOW);
  await isInOrder(world.under(SWITCH));
  await hostDown(world.under(SWITCH), { dryRun: false });
  assert.deepEqual(world.kernel.snapshot(), was);
});

test('on a bond that is made in the same run, with a VLAN above', async () => {
  const world = hostWorld();
  const was = world.kernel.snapshot();
  const lines = await linesOf(world.under(ON_BOND));
  const at = (text: string): number => lines.findIndex(line => line.includes(text));
  assert.ok(at('add-br sw0') < at('name sw0.5') && at('name bond0') < at('add-port sw0 bond0'));
  await hostUp(world.under(ON_BOND), NOW);
  await isInOrder(world.under(ON_BOND));
  await hostDown(world.under(ON_BOND), { dryRun: false });
  assert.deepEqual(world.kernel.snapshot(), was);
});

test('what changes is changed where it is', async t => {
  for (const [from, to, lines] of [
    [
      'tag = 10\n',
      '',
      ['ovs clear Port eth3 tag trunks -- set Port eth3 vlan_mode=trunk trunks=20,30,31,32'],
    ],
    ['trunks = 20 30-32\n', '', ['ovs clear Port eth3 tag trunks -- set Port eth3 vlan_mode=access tag=10']],
    [
      'uplink = eth3\ntag = 10\ntrunks = 20 30-32\n',
      '',
      ['ovs --if-exists del-port eth3', 'ip link set dev eth3 mtu 1500'],
    ],
  ] as const)
    await t.test(from, async () => {
      const world = hostWorld();
      await hostUp(world.under(SWITCH), NOW);
      const after = world.under(SWITCH.replace(from, to));
      assert.deepEqual(await linesOf(after), lines);
      await hostUp(after, NOW);
      await isInOrder(after);
    });
});

test("somebody else's switch is taken as it is, and stays", async () => {
  const world = hostWorld();
  const ini = '[ovs sw0]\nuplink = eth3\n';
  await hostUp(world.under(ini), NOW);
  world.kernel.state.ovsBridges = new Map([
    ...world.kernel.state.ovsBridges,
    ['sw0', { kind: 'ovs-bridge', ifname: 'sw0' as never }],
  ]);
  const { ofHost: _, vlanMode: __, ...port } = world.kernel.state.ovs.get('eth3') ?? assert.fail();
  world.kernel.state.ovs = new Map([['eth3', port]]);
  const was = world.kernel.snapshot();
  await isInOrder(world.under(ini));
  await hostUp(world.under(ini), NOW);
  await hostDown(world.under(ini), { dryRun: false });
  assert.deepEqual(world.kernel.snapshot(), was);
});

test('a switch that VMs are on does not go', async () => {
  const world = hostWorld();
  await hostUp(world.under(SWITCH), NOW);
  world.kernel.addLink('tap0', 'tun', '5e:00:00:00:00:01');
  const port = { kind: 'ovs-port' as const, bridge: 'sw0', trunks: [], isolated: false, madeFor: 99 };
  world.kernel.state.ovs = new Map([
    ...world.kernel.state.ovs,
    ['tap0', { ...port, ifname: 'tap0' as never }],
  ]);
  await assert.rejects(hostDown(world.under(SWITCH), { dryRun: false }), { exit: 'config', where: 'sw0' });
  await assert.rejects(hostUp(world.under(''), NOW), { exit: 'config', where: 'sw0' });
});

test('import says what makes it', async () => {
  const world = hostWorld();
  await hostUp(world.under(SWITCH), NOW);
  const { text, changes } = await hostImport(world.under(''));
  assert.deepEqual(changes, []);
  assert.match(text, /^\[ovs sw0\]\nuplink = eth3\ntag = 10\ntrunks = 20 30 31 32$/m);
  await isInOrder(world.under(text));
});

test('a file that contradicts itself', async t => {
  for (const [text, where, message] of [
    ['[ovs a]\ntag = 5', 'a.ini:2', /tag/],
    ['[ovs a]\nuplink = eth0\ntag = 5\ntrunks = 5', 'a.ini:4', /5/],
    ['[ovs a]\nuplink = eth0\ntrunks = 9-5', 'a.ini:3', /9-5/],
    ['[ovs a]\nuplink = eth0\ntrunks = 5000', 'a.ini:3', /4094/],
    ['[ovs a]\nuplink = eth0\n[bridge b]\nports = eth0', 'a.ini:2', /eth0.*a\.ini:4/],
    ['[ovs a]\nuplink = b\n[bridge b]', 'a.ini:2', /b can be no port/],
    ['[ovs a]\n[bridge b]\nports = a', 'a.ini:3', /a can be no port/],
    ['[ovs a]\nuplink = a', 'a.ini:2', /own uplink/],
    ['[ovs a-name-too-long0]', 'a.ini:1', /15/],
  ] as const)
    await t.test(text.replaceAll('\n', ' | '), () => refused(text, where, message));
});

test('an uplink that is not there, or in other hands', async t => {
  for (const [name, ini, before] of [
    ['not there', '[ovs sw0]\nuplink = eth9', []],
    [
      "a bridge's",
      '[ovs sw0]\nuplink = eth3',
      ['link add name br9 type bridge', 'link set dev eth3 master br9'],
    ],
    ['no switch', '[ovs eth2]', []],
  ] as const)
    await t.test(name, async () => {
      const world = hostWorld();
      world.ip(...before);
      const was = world.kernel.snapshot();
      await assert.rejects(
        hostUp(world.under(ini), NOW),
        (error: unknown) =>
          error instanceof VmnetError &&
          error.exit === 'config' &&
          error.where === (ini.includes('uplink') ? 'vmnet.ini:2' : 'vmnet.ini:1'),
      );
      assert.deepEqual(world.kernel.snapshot(), was);
    });
});
