// What is refused of the host's own links, and where the message says that it was said.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ExitName, VmnetError } from '../../lib/core/errors.ts';
import { parseSshConnection } from '../../lib/core/source/ssh-connection.ts';
import { hostDown, hostUp } from '../../lib/run/host.ts';
import { hostWorld, NODE } from '../support/host-world.ts';
import { refused } from '../support/parse-config.ts';

const BOND = '[bond bond0]\nmode = active-backup\nports = eth0 eth1\n';
const VLAN = '[vlan v5]\nparent = eth0\nid = 5\n';

/** The file, the line that is named, and a word of the message. */
const IN_THE_FILE: readonly (readonly [string, string, RegExp])[] = [
  ['[vlan v0]\nparent = eth0\nid = 0', 'a.ini:3', /id.*4094/],
  ['[vlan v0]\nparent = eth0\nid = 4095', 'a.ini:3', /id.*4094/],
  [`${VLAN}[vlan v6]\nparent = eth0\nid = 5`, 'a.ini:6', /eth0.*5.*a\.ini:3/],
  [`${BOND}[bridge br0]\nports = eth1`, 'a.ini:5', /eth1.*a\.ini:3/],
  [`${BOND}[vlan a-name-too-long0]\nparent = bond0\nid = 5`, 'a.ini:4', /15/],
  ['[bond b]\nmode = balance-rr\nports = eth0', 'a.ini:2', /balance-rr/],
  [`${BOND}xmit-hash-policy = layer7`, 'a.ini:4', /layer7/],
  [`${BOND}lacp-rate = fast`, 'a.ini:4', /lacp-rate/],
  [`${BOND}min-links = 1`, 'a.ini:4', /min-links/],
  [`${BOND}primary = eth2`, 'a.ini:4', /eth2/],
  [`${BOND}miimon = 60001`, 'a.ini:4', /miimon/],
  ['[vmnet]\nroute-protocol = 119', 'a.ini:2', /119/],
  ['[vrf a]\ntable = 254', 'a.ini:2', /254/],
  ['[vrf a]\ntable = 255', 'a.ini:2', /255/],
  ['[vrf a]\ntable = 77\n[vrf b]\ntable = 77', 'a.ini:4', /77.*vrf a.*a\.ini:2/],
  ['[vrf a]\ntable = 77\naccept = tcp\n[vrf b]\ntable = 78\naccept = tcp udp', 'a.ini:6', /accept.*a\.ini:3/],
  ['[vrf a]\ntable = 77\nstrict = yes\n[vrf mgmt]\nstrict = no', 'a.ini:5', /strict.*vrf a/],
  ['[vrf a]\naccept = sctp', 'a.ini:2', /sctp/],
  ['[vrf a]\nports = eth0', 'a.ini:1', /needs table/],
  ['[vrf mgmt]\nleak = 0.0.0.0/0', 'a.ini:2', /leak/],
  ['[vrf mgmt]\nscope = wan', 'a.ini:2', /wan/],
  ['[vmnet]\nrule-preference = 947', 'a.ini:2', /950/],
  ['[network n]\nmode = routed\ntable = 77\n[vrf b]\ntable = 77', 'a.ini:5', /77.*network n/],
  [
    `${BOND}[bridge x]\nports = v7\n[vlan v7]\nparent = bond1\nid = 7\n[bond bond1]\nmode = 802.3ad\nports = x`,
    'a.ini:11',
    /x can be no port/,
  ],
  [
    '[vlan a]\nparent = b\nid = 1\n[vlan b]\nparent = c\nid = 2\n[vlan c]\nparent = a\nid = 3',
    'a.ini:2',
    /a on b on c on a/,
  ],
  ['[bond b]\nmode = 802.3ad\nports = v\n[vlan v]\nparent = b\nid = 3', 'a.ini:3', /b on v on b/],
  ['[bridge x]\nports = x', 'a.ini:2', /x .*own/],
  ['[bridge x]\nports = y\n[bridge y]', 'a.ini:2', /y can be no port/],
  ['[bridge x]\nports = lo', 'a.ini:2', /lo/],
  [`${VLAN}addresses = 10.0.0.1/24\n[bridge x]\nports = v5`, 'a.ini:4', /v5.*addresses/],
  ['[bridge x]\naddresses = 10.0.0.2/24\ngateway = 10.0.1.1', 'a.ini:3', /10\.0\.1\.1/],
  ['[bridge x]\naddresses = 2001:db8::2/64\ngateway6 = 2001:db8:1::1', 'a.ini:3', /2001:db8:1::1/],
  ['[bridge x]\nroutes = 10.0.0.0/8 over 10.0.0.1', 'a.ini:2', /routes.*over/],
  ['[bridge x]\nroutes = 10.0.0.0/8 via 2001:db8::1', 'a.ini:2', /routes.*2001:db8::1/],
  ['[bridge x]\nroutes = 2001:db8::/32 via 10.0.0.1', 'a.ini:2', /routes.*10\.0\.0\.1/],
  ['[bridge x]\nroutes = 0.0.0.0/0 via 10.0.0.1', 'a.ini:2', /routes.*default/],
  ['[bridge x]\nroutes = 10.0.0.1/8', 'a.ini:2', /routes/],
  [`${BOND}mtu = 1500\n[vlan v5]\nparent = bond0\nid = 5\nmtu = 9000`, 'a.ini:8', /9000.*1500/],
  [`${VLAN}mtu = 1500\n[bridge x]\nports = v5\nmtu = 9000`, 'a.ini:7', /9000.*1500/],
];

test('a file that contradicts itself', async t => {
  for (const [text, where, message] of IN_THE_FILE)
    await t.test(text.replaceAll('\n', ' | '), () => refused(text, where, message));
});

interface Refusal {
  readonly name: string;
  readonly ini: string;
  readonly exit: ExitName;
  readonly where: string;
  readonly message: RegExp;
  readonly hint?: RegExp;
  readonly before?: readonly string[];
  readonly lacks?: 'bond' | 'vlan' | 'vrf' | 'bridge' | 'vlan+srcmac';
}

const config = { exit: 'config' } as const;
const missing = { exit: 'missing', message: /module/, hint: /modprobe.*linux-/ } as const;

/** What only the kernel can tell. */
const IN_THE_KERNEL: readonly Refusal[] = [
  {
    ...config,
    name: 'a parent that is not there',
    ini: '[vlan v5]\nparent = eth9\nid = 5',
    where: 'vmnet.ini:2',
    message: /eth9/,
  },
  {
    ...config,
    name: 'a port that is not there',
    ini: '[bridge x]\nports = eth3 eth9',
    where: 'vmnet.ini:2',
    message: /eth9/,
  },
  {
    ...config,
    name: 'the name of another kind of link',
    ini: '[bridge eth2]',
    where: 'vmnet.ini:1',
    message: /eth2/,
  },
  {
    ...config,
    name: "a port of somebody else's bridge",
    before: ['link add name docker0 type bridge', 'link set dev eth3 master docker0'],
    ini: '[bridge x]\nports = eth3',
    where: 'vmnet.ini:2',
    message: /eth3.*docker0/,
  },
  {
    ...config,
    name: 'an MTU that the parent has not',
    ini: `${VLAN}mtu = 9000`,
    where: 'vmnet.ini:4',
    message: /9000.*1500.*eth0/,
  },
  { ...missing, name: 'no bonding', ini: BOND, lacks: 'bond', where: 'vmnet.ini:1' },
  {
    ...missing,
    name: 'no such hash policy',
    ini: `${BOND}xmit-hash-policy = vlan+srcmac`,
    message: /vlan\+srcmac/,
    hint: /layer3\+4/,
    lacks: 'vlan+srcmac',
    where: 'vmnet.ini:4',
  },
  { ...missing, name: 'no 8021q', ini: VLAN, lacks: 'vlan', where: 'vmnet.ini:1' },
  { ...missing, name: 'no vrf', ini: '[vrf a]\ntable = 77', lacks: 'vrf', where: 'vmnet.ini:1' },
];

test('a kernel that cannot have it', async t => {
  for (const one of IN_THE_KERNEL)
    await t.test(one.name, async () => {
      const world = hostWorld();
      world.ip(...(one.before ?? []));
      if (one.lacks !== undefined) world.kernel.state.lacks.add(one.lacks);
      const was = world.kernel.snapshot();
      await assert.rejects(
        hostUp(world.under(one.ini), { dryRun: false, recreate: true }),
        (error: unknown) => {
          assert.ok(error instanceof VmnetError);
          assert.equal(error.exit, one.exit);
          assert.equal(error.where, one.where);
          assert.match(error.message, one.message);
          assert.match(error.hint ?? '', one.hint ?? /./);
          return true;
        },
      );
      assert.deepEqual(world.kernel.snapshot(), was);
      assert.deepEqual(world.kernel.records(), {});
    });
});

test('a default route that somebody else made is not taken over', async () => {
  const world = hostWorld();
  world.ip('route add 0.0.0.0/0 via 10.7.0.1 dev eth2');
  const ini = '[bridge x]\nports = eth3\naddresses = 10.9.0.2/24\ngateway = 10.9.0.1';
  await assert.rejects(hostUp(world.under(ini), { dryRun: false, recreate: false }), { exit: 'config' });
});

test('what others stand on is not taken away', async () => {
  const world = hostWorld();
  await hostUp(world.under(NODE), { dryRun: false, recreate: false });
  world.kernel.addLink('tap0', 'tun', '5e:00:00:00:00:01');
  world.ip('link set dev tap0 master vlan992');
  const was = world.kernel.snapshot();
  const without = NODE.replace('[bridge vlan992]\nports = bond0.992\nvlan-aware = yes', '');
  const refusal = { exit: 'config', where: 'vlan992' };
  await assert.rejects(hostUp(world.under(without), { dryRun: false, recreate: false }), refusal);
  await assert.rejects(hostDown(world.under(NODE), { dryRun: false }), refusal);
  assert.deepEqual(world.kernel.snapshot(), was);
});

/** SSH_CONNECTION, a change of the file, and whether it could cut the connection. */
const CONNECTIONS: readonly (readonly [string, readonly [string, string], boolean])[] = [
  ['198.51.100.7 1 10.1.0.2 22', ['mode = active-backup', 'mode = 802.3ad'], true],
  ['2001:db8:99::1 1 2001:db8:1::2 22', ['mode = active-backup', 'mode = 802.3ad'], true],
  ['::ffff:198.51.100.7 1 ::ffff:10.1.0.2 22', ['addresses = 10.1.0.2/24', 'addresses = 10.1.0.9/24'], true],
  ['2001:db8:99::1 1 2001:db8:1::2 22', ['2001:db8:1::2/64', '2001:db8:1::9/64'], true],
  ['198.51.100.7 1 10.1.0.2 22', ['gateway = 10.1.0.1', 'gateway = 10.1.0.3'], true],
  ['2001:db8:99::1 1 2001:db8:1::2 22', ['gateway6 = 2001:db8:1::1', 'gateway6 = 2001:db8:1::3'], true],
  ['198.51.100.7 1 10.1.0.2 22', ['ports = eth0 eth1', 'ports = eth1'], true],
  ['198.51.100.7 1 10.1.0.2 22', ['primary = eth0', 'primary = eth1'], false],
  ['198.51.100.7 1 10.1.0.2 22', ['id = 992', 'id = 994'], false],
  ['198.51.100.7 1 10.1.0.2 22', ['10.3.0.2/24', '10.3.0.4/24'], false],
  ['198.51.100.7 1 10.3.0.2 22', ['mode = active-backup', 'mode = 802.3ad'], false],
  ['198.51.100.7 1 203.0.113.9 22', ['mode = active-backup', 'mode = 802.3ad'], false],
];

test('a change that could cut the connection that it is made on', async t => {
  for (const [ssh, [from, to], cuts] of CONNECTIONS)
    await t.test(`${ssh}: ${to}`, async () => {
      const world = hostWorld();
      await hostUp(world.under(NODE), { dryRun: false, recreate: false });
      const was = world.kernel.snapshot();
      const ini = (
        to.includes('802.3ad') || to === 'ports = eth1' ? NODE.replace('primary = eth0', '') : NODE
      ).replace(from, to);
      const connection = parseSshConnection(ssh);
      assert.ok(connection !== undefined);
      const run = hostUp(world.under(ini), { dryRun: false, recreate: true, connection });
      if (!cuts) return void (await run);
      await assert.rejects(run, { exit: 'request' });
      assert.deepEqual(world.kernel.snapshot(), was);
    });
});

test('the port with the address of the connection, on its way into a bridge', async () => {
  const connection = parseSshConnection('198.51.100.7 1 10.7.0.2 22');
  assert.ok(connection !== undefined);
  const world = hostWorld();
  const ini = '[bridge x]\nports = eth2\naddresses = 10.7.0.2/24';
  await assert.rejects(hostUp(world.under(ini), { dryRun: false, recreate: false, connection }), {
    exit: 'request',
  });
});

test('what is no connection over IP', () => {
  for (const text of [undefined, '', 'UNKNOWN 65535 UNKNOWN 65535', '10.0.0.1 1'])
    assert.equal(parseSshConnection(text), undefined, text);
  assert.deepEqual(parseSshConnection('fe80::1%eth0 1 fe80::2%eth0 22'), {
    client: { family: 6, text: 'fe80::1' },
    server: { family: 6, text: 'fe80::2' },
  });
});
