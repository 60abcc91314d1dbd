// The host's own links on the kernel in memory: made, left alone, changed in place, made anew, taken down.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VmnetError } from '../../lib/core/errors.ts';
import { stepText } from '../../lib/core/plan/plan.ts';
import { render } from '../../lib/core/plan/render.ts';
import { hostCheck, hostDown, hostUp } from '../../lib/run/host.ts';
import type { Context } from '../../lib/run/ports.ts';
import { hostWorld, NODE } from '../support/host-world.ts';

const NOW = { dryRun: false, recreate: false };
const ANEW = { dryRun: false, recreate: true };

async function linesOf(context: Context, recreate = false): Promise<readonly string[]> {
  const { plan } = await hostUp(context, { dryRun: true, recreate });
  return render(plan.steps).flatMap(batch => batch.lines.map(line => line.text));
}

async function isInOrder(context: Context): Promise<void> {
  assert.deepEqual((await hostCheck(context)).map(stepText), []);
  const { plan } = await hostUp(context, { dryRun: true, recreate: true });
  assert.deepEqual(plan.steps.map(stepText), []);
}

test('a whole node from nothing, in one batch of ip', async () => {
  const world = hostWorld();
  assert.deepEqual(await linesOf(world.under(NODE)), [
    'net/ipv6/conf/eth2/keep_addr_on_down=1',
    'net/ipv6/conf/eth2/accept_dad=0',
    'rule add preference 32765 from all lookup 255 protocol 2',
    'rule add preference 1001 from all l3mdev unreachable protocol 2',
    'rule add preference 950 from 2001:db8:7::2/128 lookup 1001 protocol 2',
    'rule add preference 32765 from all lookup 255 protocol 2',
    'rule add preference 1001 from all l3mdev unreachable protocol 2',
    'rule add preference 950 from 10.7.0.2/32 lookup 1001 protocol 2',
    'link add name bond0 type bond mode active-backup',
    'link add name vlan992 type bridge',
    'link add name storage type bridge',
    'link add name mgmt type vrf table 1001',
    'link set dev eth0 down',
    'link set dev eth0 master bond0',
    'link set dev eth0 mtu 9000 up',
    'link set dev eth1 down',
    'link set dev eth1 master bond0',
    'link set dev eth1 mtu 9000 up',
    'link set dev bond0 type bond miimon 100 primary eth0',
    'link set dev bond0 mtu 9000 up',
    'link add link bond0 name bond0.992 type vlan id 992',
    'link set dev bond0.992 master vlan992 up',
    'link set dev vlan992 type bridge stp_state 0',
    'link set dev vlan992 type bridge forward_delay 0 mcast_snooping 0 mcast_querier 0 vlan_default_pvid 0',
    'link set dev vlan992 type bridge vlan_filtering 1',
    'link set dev vlan992 address 52:54:00:00:00:00 up',
    'link set dev eth3 master storage',
    'link set dev storage type bridge stp_state 0',
    'link set dev storage type bridge forward_delay 0 mcast_snooping 1 mcast_querier 1',
    'link set dev storage address 52:54:00:00:00:03 up',
    'link set dev eth2 master mgmt',
    'link set dev mgmt up',
    'link add link bond0 name bond0.993 type vlan id 993',
    'link set dev bond0.993 mtu 1500 up',
    'address add 10.1.0.2/24 dev bond0',
    'address add 2001:db8:1::2/64 dev bond0',
    'address add 10.3.0.2/24 dev storage',
    'address add 2001:db8:3::2/64 dev storage',
    'address add 127.0.0.1/8 dev mgmt',
    'address add 127.0.0.53/32 dev mgmt',
    'address add ::1/128 dev mgmt',
    'route add 0.0.0.0/0 via 10.1.0.1 dev bond0 onlink table 254 protocol 119',
    'route add ::/0 via 2001:db8:1::1 dev bond0 onlink table 254 metric 1024 protocol 119',
    'route add 10.33.0.0/16 via 10.3.0.1 dev storage onlink table 254 metric 50 protocol 119',
    'route add 2001:db8:33::/48 via 2001:db8:3::1 dev storage onlink table 254 metric 1024 protocol 119',
    'route add 10.77.0.0/16 via 10.7.0.1 dev eth2 table 1001 protocol 3',
    'route add 2001:db8:77::/48 via 2001:db8:7::1 dev eth2 table 1001 metric 1024 protocol 3',
    'route add 0.0.0.0/0 via 10.7.0.1 dev eth2 onlink table 1001 protocol 119',
    'route add ::/0 via 2001:db8:7::1 dev eth2 onlink table 1001 metric 1024 protocol 119',
    'route add unreachable 0.0.0.0/0 table 1001 metric 4278198272 protocol 119',
    'route add unreachable ::/0 table 1001 metric 4278198272 protocol 119',
    'rule del preference 0 from all lookup 255 protocol 2',
    'rule del preference 0 from all lookup 255 protocol 2',
    'net/ipv6/conf/eth2/keep_addr_on_down=0',
    'net/ipv6/conf/eth2/accept_dad=1',
  ]);
  await hostUp(world.under(NODE), NOW);
  await isInOrder(world.under(NODE));
});

test('up, and down again: everything is as it was', async () => {
  const world = hostWorld();
  const was = world.kernel.snapshot();
  await hostUp(world.under(NODE), NOW);
  await hostUp(world.under(NODE), NOW);
  await hostDown(world.under(NODE), { dryRun: false });
  const now = world.kernel.snapshot().filter(line => !line.includes('keep_addr_on_down'));
  assert.deepEqual(
    now,
    was.filter(line => !line.includes('keep_addr_on_down')),
  );
  assert.deepEqual(world.kernel.records(), {});
});

test('what somebody else has made is taken as it is, and stays when vmnet goes', async () => {
  const ini = '[bridge br9]\nports = eth3\naddresses = 10.9.0.2/24 2001:db8:9::2/64\n';
  const world = hostWorld();
  world.ip(
    'link add name br9 type bridge',
    'link set dev eth3 master br9',
    'link set dev br9 type bridge forward_delay 0 mcast_snooping 0',
    'link set dev br9 address 52:54:00:00:00:99 up',
    'address add 10.9.0.2/24 dev br9',
  );
  assert.deepEqual(await linesOf(world.under(ini)), ['address add 2001:db8:9::2/64 dev br9']);
  const was = world.kernel.snapshot();
  await hostUp(world.under(ini), NOW);
  await hostDown(world.under(ini), { dryRun: false });
  assert.deepEqual(world.kernel.snapshot(), was);
});

test('an address and its routes move from a port to what it becomes a port of, and back', async () => {
  const ini = `[bridge br9]
ports = eth2
addresses = 10.7.0.2/24 2001:db8:7::2/64
gateway = 10.7.0.1
gateway6 = 2001:db8:7::1
`;
  const world = hostWorld();
  const was = world.kernel.snapshot();
  await hostUp(world.under(ini), NOW);
  assert.deepEqual(world.shows(/^address .*(10\.7|db8:7)/), [
    'address br9 10.7.0.2/24',
    'address br9 2001:db8:7::2/64',
  ]);
  await isInOrder(world.under(ini));
  await hostDown(world.under(ini), { dryRun: false });
  assert.deepEqual(world.kernel.snapshot(), was);
});

/** A change of the file, and the lines that carry it out. */
const IN_PLACE: readonly (readonly [string, string, readonly string[]])[] = [
  ['primary = eth0', 'primary = eth1', ['link set dev bond0 type bond primary eth1']],
  ['primary = eth0', 'primary = eth0\nmiimon = 50', ['link set dev bond0 type bond miimon 50']],
  [
    'primary = eth0',
    'primary = eth0\nxmit-hash-policy = layer3+4',
    ['link set dev bond0 type bond xmit_hash_policy layer3+4'],
  ],
  [
    'mtu = 9000',
    'mtu = 8000',
    ['link set dev eth0 mtu 8000', 'link set dev eth1 mtu 8000', 'link set dev bond0 mtu 8000'],
  ],
  [
    'ports = eth0 eth1',
    'ports = eth0',
    ['link set dev eth1 down', 'link set dev eth1 nomaster', 'link set dev eth1 mtu 1500 down'],
  ],
  ['multicast-snooping = yes', '', ['link set dev storage type bridge mcast_snooping 0 mcast_querier 0']],
  ['vlan-aware = yes', 'vlan-aware = no', ['link set dev vlan992 type bridge vlan_filtering 0']],
  [
    '10.3.0.2/24 2001:db8:3::2/64',
    '10.3.0.4/24 2001:db8:3::4/64',
    [
      'address del 10.3.0.2/24 dev storage',
      'address del 2001:db8:3::2/64 dev storage',
      'address add 10.3.0.4/24 dev storage',
      'address add 2001:db8:3::4/64 dev storage',
    ],
  ],
  [
    'gateway = 10.1.0.1',
    'gateway = 10.1.0.9',
    ['route replace 0.0.0.0/0 via 10.1.0.9 dev bond0 onlink table 254 protocol 119'],
  ],
  [
    'gateway6 = 2001:db8:1::1',
    '',
    ['route del ::/0 via 2001:db8:1::1 dev bond0 onlink table 254 metric 1024 protocol 119'],
  ],
  ['[vlan bond0.993]\nparent = bond0\nid = 993\nmtu = 1500', '', ['link del dev bond0.993']],
];

test('what changes in place', async t => {
  for (const [from, to, lines] of IN_PLACE)
    await t.test(`${from} -> ${to}`, async () => {
      assert.ok(NODE.includes(from));
      const world = hostWorld();
      await hostUp(world.under(NODE), NOW);
      const after = world.under(NODE.replace(from, to));
      assert.deepEqual(await linesOf(after), lines);
      await hostUp(after, NOW);
      await isInOrder(after);
    });
});

/** What only a new link is without, and the links that have to go for it. */
const FIXED: readonly (readonly [string, string, readonly string[]])[] = [
  ['mode = active-backup', 'mode = 802.3ad', ['bond0', 'bond0.992', 'bond0.993']],
  ['id = 992', 'id = 995', ['bond0.992']],
  ['id = 993\nmtu = 1500', 'id = 994', ['bond0.993']],
  ['table = 1001', 'table = 1002', ['mgmt']],
  ['primary = eth0', '', ['bond0', 'bond0.992', 'bond0.993']],
];

test('what needs a new link is refused, unless somebody says so', async t => {
  for (const [from, to, links] of FIXED)
    await t.test(`${from} -> ${to}`, async () => {
      const world = hostWorld();
      const ini = NODE.replace(from, to).replace(to === 'mode = 802.3ad' ? 'primary = eth0' : '', '');
      await hostUp(world.under(NODE), NOW);
      const was = world.kernel.snapshot();
      await assert.rejects(
        hostUp(world.under(ini), NOW),
        (error: unknown) =>
          error instanceof VmnetError &&
          error.exit === 'request' &&
          (error.where ?? '').startsWith('vmnet.ini:') &&
          (error.hint ?? '').includes('--recreate'),
      );
      assert.deepEqual(world.kernel.snapshot(), was);
      const gone = (await linesOf(world.under(ini), true)).flatMap(
        line => /^link del dev (\S+)/.exec(line)?.[1] ?? [],
      );
      assert.deepEqual([...gone].sort(), links);
      await hostUp(world.under(ini), ANEW);
      await isInOrder(world.under(ini));
      await hostDown(world.under(ini), { dryRun: false });
      assert.deepEqual(world.shows(/^link (bond0|vlan992|mgmt|storage)/), []);
    });
});

test('links that the file does not name are left alone', async () => {
  const world = hostWorld();
  world.ip(
    'link add name docker0 type bridge',
    'link set dev docker0 up',
    'address add 172.17.0.1/16 dev docker0',
  );
  const others = /docker0|eth3/;
  const was = world.shows(others);
  const ini = '[bond bond0]\nmode = active-backup\nports = eth0 eth1\n';
  await hostUp(world.under(ini), NOW);
  assert.deepEqual(world.shows(others), was);
  await hostDown(world.under(ini), { dryRun: false });
  assert.deepEqual(world.shows(others), was);
});
