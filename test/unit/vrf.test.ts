// What `ip -N -d -j` prints of VRFs, and what is wrong with it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FAMILIES, type Family } from '../../lib/core/model/address.ts';
import type { IpRow } from '../../lib/core/observed/ip.ts';
import {
  type Finding,
  verifyCgroups,
  verifyDns,
  verifyGateways,
  verifyProcess,
  verifyRouting,
} from '../../lib/core/vrf/verify.ts';
import { defaultWords, readWorld, type Vrf, vrfsOf, type WorldRows } from '../../lib/core/vrf/world.ts';

const LINKS: readonly IpRow[] = [
  { ifindex: 1, ifname: 'lo', flags: ['LOOPBACK', 'UP'], address: '00:00:00:00:00:00', addr_info: [] },
  {
    ifindex: 2,
    ifname: 'mgmt',
    flags: ['NOARP', 'MASTER', 'UP', 'LOWER_UP'],
    address: '06:61:c5:8b:10:ee',
    linkinfo: { info_kind: 'vrf', info_data: { table: 1001 } },
    addr_info: [
      { family: 'inet', local: '127.0.0.1', prefixlen: 8, scope: '254' },
      { family: 'inet', local: '127.0.0.53', prefixlen: 32, scope: '254' },
      { family: 'inet6', local: '::1', prefixlen: 128, scope: '254' },
    ],
  },
  {
    ifindex: 4,
    ifname: 'eth0',
    flags: ['BROADCAST', 'UP'],
    master: 'mgmt',
    address: '1e:d0:17:be:0d:dc',
    linkinfo: { info_kind: 'veth', info_slave_kind: 'vrf', info_slave_data: { table: 1001 } },
    addr_info: [
      { family: 'inet', local: '10.0.0.2', prefixlen: 24, scope: '0' },
      { family: 'inet6', local: '2001:db8::2', prefixlen: 64, scope: '0' },
      { family: 'inet6', local: 'fe80::1cd0:17ff:febe:ddc', prefixlen: 64, scope: '253' },
    ],
  },
];
const L3MDEV: IpRow = { priority: 1000, src: 'all', l3mdev: null, protocol: '2' };
const lookup = (priority: number, table: string): IpRow => ({ priority, src: 'all', table, protocol: '2' });
const RULES = [L3MDEV, lookup(32765, '255'), lookup(32766, '254')];
const LAST: IpRow = { type: '7', dst: 'default', table: '1001', metric: 4278198272, flags: [] };
const via = (gateway: string, table = '1001'): IpRow => ({
  type: '1',
  dst: 'default',
  gateway,
  dev: 'eth0',
  table,
  flags: [],
});
const ROUTES: Readonly<Record<Family, readonly IpRow[]>> = {
  4: [via('10.0.0.1'), LAST, { type: '1', dst: '10.0.0.0/24', dev: 'eth0', table: '1001' }],
  6: [
    { ...via('2001:db8::1'), metric: 1024 },
    { ...LAST, dev: 'lo' },
  ],
};

/** What verifyRouting() finds wrong, with some of the rows replaced for one family or for both. */
function wrong(
  change: { links?: readonly IpRow[]; rules?: readonly IpRow[]; routes?: readonly IpRow[] },
  family?: Family,
) {
  const given = <T>(value: T | undefined, otherwise: (family: Family) => T) => ({
    4: family === 6 ? otherwise(4) : (value ?? otherwise(4)),
    6: family === 4 ? otherwise(6) : (value ?? otherwise(6)),
  });
  const rows: WorldRows = {
    links: change.links ?? LINKS,
    rules: given(change.rules, () => RULES),
    routes: given(change.routes, one => ROUTES[one]),
  };
  const world = readWorld(rows);
  return verifyRouting(world, vrfsOf(world)[0] as Vrf, ['127.0.0.53']).filter(({ ok }) => !ok);
}

const without = (addresses: readonly string[]): readonly IpRow[] =>
  LINKS.map(link => ({
    ...link,
    addr_info: (link.addr_info as readonly IpRow[]).filter(({ local }) => !addresses.includes(String(local))),
  }));

test('a VRF with its ports and defaults', () => {
  const world = readWorld({ links: LINKS, rules: { 4: RULES, 6: RULES }, routes: ROUTES });
  const [vrf, ...others] = vrfsOf(world);
  assert.ok(vrf !== undefined && others.length === 0);
  assert.deepEqual(
    [vrf.name, vrf.table, vrf.ifindex, vrf.up, vrf.ports.map(({ name }) => name)],
    ['mgmt', 1001, 2, true, ['eth0']],
  );
  assert.deepEqual(defaultWords(vrf.defaults[4]), ['10.0.0.1 dev eth0', 'unreachable']);
  assert.deepEqual(defaultWords(vrf.defaults[6]), ['2001:db8::1 dev eth0', 'unreachable']);
});

test('a default with several next hops, and one by a gateway of the other family', () => {
  const routes = [
    {
      type: '1',
      dst: 'default',
      table: '1001',
      nexthops: [
        { gateway: '10.0.0.1', dev: 'eth0' },
        { gateway: '10.0.0.3', dev: 'eth1' },
      ],
    },
    {
      type: '1',
      dst: 'default',
      table: '1001',
      metric: 5,
      dev: 'eth0',
      via: { family: 'inet6', host: 'fe80::1' },
    },
  ];
  const [vrf] = vrfsOf(readWorld({ links: LINKS, rules: { 4: [], 6: [] }, routes: { 4: routes, 6: [] } }));
  assert.deepEqual(defaultWords(vrf?.defaults[4] ?? []), [
    '10.0.0.1 dev eth0',
    '10.0.0.3 dev eth1',
    'fe80::1 dev eth0',
  ]);
});

test('verify: what is wrong with rules, routes and addresses', () => {
  assert.deepEqual(wrong({}), []);
  for (const family of FAMILIES) {
    const routes = ROUTES[family];
    const table: [string, Parameters<typeof wrong>[0], readonly Finding['check'][], RegExp][] = [
      ['local first', { rules: [lookup(0, '255'), L3MDEV] }, ['rules'], /del pref 0/],
      ['both', { rules: [lookup(0, '255'), ...RULES] }, ['rules'], /del pref 0/],
      ['no local', { rules: [L3MDEV, lookup(32766, '254')] }, ['rules'], /lookup local/],
      [
        'a local rule for some packets only',
        { rules: [L3MDEV, { ...lookup(32765, '255'), iif: 'eth0' }] },
        ['rules'],
        /lookup local/,
      ],
      ['no l3mdev', { rules: [lookup(32765, '255')] }, ['rules'], /l3mdev/],
      [
        'a narrow local rule first',
        { rules: [{ ...lookup(5, '255'), src: '10.0.0.2' }, ...RULES] },
        [],
        /^$/,
      ],
      ['no default', { routes: [LAST] }, ['default'], /table 1001/],
      [
        'default, and no last resort',
        { routes: routes.slice(0, 1) },
        ['last resort'],
        /4278198272 table 1001/,
      ],
      ['nothing', { routes: [] }, ['default', 'last resort'], /replace default/],
      ['leak', { routes: [...routes, via('x', '254')] }, ['leak'], /route del default dev eth0 table main/],
      [
        'main has the default of another link',
        { routes: [...routes, { ...via('x', '254'), dev: 'eth9' }] },
        [],
        /^$/,
      ],
    ];
    for (const [what, change, checks, hint] of table) {
      const found = wrong(change, family);
      assert.deepEqual(
        found.map(({ check }) => check),
        checks,
        `${what}, IPv${family}`,
      );
      assert.match(found[0]?.hint ?? '', hint, what);
      if (found[0] !== undefined) assert.match(found[0].hint ?? '', new RegExp(`ip -${family} `), what);
    }
  }
  const loopbacks = wrong({ links: without(['127.0.0.1', '127.0.0.53', '::1']) });
  assert.deepEqual(
    loopbacks.map(({ hint }) => hint?.split(' ')[3]),
    ['127.0.0.1/8', '::1/128', '127.0.0.53/32'],
  );
});

test('no default is needed where no port has an address of the family', () => {
  const links = without(['2001:db8::2']);
  assert.deepEqual(wrong({ links, routes: [LAST] }, 6), []);
  assert.deepEqual(
    wrong({ links, routes: [LAST] }, 4).map(({ check }) => check),
    ['default'],
  );
});

test('verify: processes, cgroups, gateways and name servers', () => {
  const [vrf] = vrfsOf(readWorld({ links: LINKS, rules: { 4: [], 6: [] }, routes: { 4: [], 6: [] } }));
  assert.ok(vrf !== undefined);
  const cgroup = (device: string, processes = 0) =>
    verifyCgroups(vrf, [{ path: '/a/vrf/mgmt', device, processes }])[0];
  const gateway = (mac: string | undefined, family: Family) =>
    verifyGateways([{ family, gateway: 'x', dev: 'eth0', ...(mac === undefined ? {} : { mac }) }])[0];
  const dns = (answer: string) => verifyDns(vrf, [{ server: '127.0.0.53', answer }])[0];
  const table: [Finding | undefined, boolean][] = [
    [verifyProcess(vrf, undefined), true],
    [verifyProcess(vrf, 'unbound'), false],
    [verifyCgroups(vrf, [])[0], true],
    [cgroup('mgmt'), true],
    [cgroup('!No_such_device'), false],
    [cgroup('eth0'), false],
    [cgroup(''), false],
    [gateway('02:00:00:00:00:01', 4), true],
    [gateway(undefined, 4), false],
    [gateway(undefined, 6), false],
    [dns('NOERROR'), true],
    [dns('NXDOMAIN'), true],
    [dns('SERVFAIL'), false],
    [dns('REFUSED'), false],
    [dns('no answer'), false],
  ];
  table.forEach(([finding, ok], row) => {
    assert.equal(finding?.ok, ok, `row ${row}: ${finding?.text}`);
  });
  assert.match(cgroup('!No_such_device', 3)?.hint ?? '', /restart.* 3 /);
  assert.doesNotMatch(cgroup('!No_such_device', 0)?.hint ?? '', /restart/);
});
