import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { defaultRouteQueries, resolveNic } from '../../lib/core/desired/resolve.ts';
import { VmnetError } from '../../lib/core/errors.ts';
import { defaultPrefix, type Family, parseAddress, parsePrefix } from '../../lib/core/model/address.ts';
import { parseIfname } from '../../lib/core/model/ifname.ts';
import { parseMac } from '../../lib/core/model/mac.ts';
import type { Route } from '../../lib/core/model/object.ts';
import type { NetworkFacts, NicRequest } from '../../lib/core/model/request.ts';
import { parseConfig } from '../../lib/core/source/config.ts';
import { parseRtTables } from '../../lib/core/source/rt-tables.ts';

const at = 'test';
const MAC = parseMac('aa:00:00:35:6d:05', at);
const EUI64 = '2001:db8:993:0:a800:ff:fe35:6d05';
const rtTables = parseRtTables(['993 public\n']);

function request(more: Partial<NicRequest>, ips: readonly string[] = []): NicRequest {
  const addresses = ips.map(text => parseAddress(text, at));
  return { ifname: parseIfname('tap0', at), mode: 'routed', tags: [], network: {}, ...more, addresses };
}

function surroundings(ini: string, routes: readonly Route[] = []) {
  return { config: parseConfig([{ path: 'vmnet.ini', text: ini }], rtTables), rtTables, routes };
}

function viaDefault(family: Family, table: number, dev: string): Route {
  const via = parseAddress(family === 4 ? '192.0.2.1' : '2001:db8:993::1', at);
  const base = { kind: 'route', type: 'unicast', metric: 0, protocol: 3 } as const;
  return { ...base, table, prefix: defaultPrefix(family), dev: parseIfname(dev, at), via };
}

function refuses(message: RegExp, run: () => unknown): void {
  assert.throws(run, (error: unknown) => {
    assert.ok(error instanceof VmnetError);
    assert.equal(error.exit, 'request');
    assert.match(error.message, message);
    return true;
  });
}

const facts: NetworkFacts = {
  subnet: parsePrefix('192.0.2.0/24', at),
  gateway: parseAddress('192.0.2.1', at),
  subnet6: parsePrefix('2001:db8:993::/64', at),
  gateway6: parseAddress('2001:db8:993::1', at),
};

const PUBLIC = `
[network public]
link = public_993
table = 993
uplink = up0
subnet = 192.0.2.0/24
gateway = 192.0.2.1
arp-source = 192.0.2.254
subnet6 = 2001:db8:993::/64
gateway6 = 2001:db8:993::1
`;

describe('zero configuration: the link names a table, and its default route leads to the uplink', () => {
  const rows = [
    {
      what: 'a number',
      link: '993',
      routes: [viaDefault(4, 993, 'up0'), viaDefault(6, 993, 'up6')],
      uplinks: ['up0', 'up6'],
    },
    {
      what: 'a name',
      link: 'public',
      routes: [viaDefault(4, 993, 'up0'), viaDefault(6, 993, 'up6')],
      uplinks: ['up0', 'up6'],
    },
    {
      what: 'main',
      link: 'main',
      routes: [viaDefault(4, 254, 'eth0'), viaDefault(6, 254, 'eth0')],
      uplinks: ['eth0', 'eth0'],
    },
    {
      what: 'IPv6 without a default route of its own',
      link: '993',
      routes: [viaDefault(4, 993, 'up0')],
      uplinks: ['up0', 'up0'],
    },
  ];
  for (const { what, link, routes, uplinks } of rows) {
    test(what, () => {
      const asked = request({ link, mac: MAC, network: facts }, ['192.0.2.5']);
      const nic = resolveNic(asked, surroundings('', routes));
      assert.ok(nic.mode === 'routed');
      const table = link === 'main' ? 254 : 993;
      assert.deepEqual(
        nic.network.families.map(one => [one.family, one.table, one.uplink, one.skeleton]),
        uplinks.map((uplink, index) => [index === 0 ? 4 : 6, table, uplink, false]),
      );
      assert.equal(nic.network.group, table);
      assert.deepEqual(
        nic.addresses.map(one => one.text),
        ['192.0.2.5', EUI64],
      );
    });
  }

  test('the default routes of both families are asked for, and none where the file names the uplink', () => {
    const of = (ini: string, link: string) =>
      defaultRouteQueries(request({ link }), surroundings(ini)).map(one => [one.table, one.prefix?.text]);
    assert.deepEqual(of('', '993'), [
      [993, '0.0.0.0/0'],
      [993, '::/0'],
    ]);
    assert.deepEqual(of(PUBLIC, 'public_993'), []);
    assert.deepEqual(of('[network six]\nlink = x\ntable = 993\nuplink6 = up6\n', 'x'), [[993, '0.0.0.0/0']]);
    assert.deepEqual(defaultRouteQueries(request({ mode: 'bridged', link: 'br0' }), surroundings('')), []);
  });

  test('a table without a default route has no uplink, and an unreachable one leads nowhere', () => {
    const { via: _, dev: __, ...route } = viaDefault(4, 993, 'up0');
    const last: Route = { ...route, type: 'unreachable' };
    for (const routes of [[], [last], [viaDefault(4, 994, 'up0')], [viaDefault(6, 993, 'up0')]])
      refuses(/993/, () => resolveNic(request({ link: '993' }, ['192.0.2.5']), surroundings('', routes)));
  });
});

describe('addresses', () => {
  const rows: readonly {
    readonly what: string;
    readonly ips: readonly string[];
    readonly mac?: typeof MAC;
    readonly subnet6?: string;
    readonly addresses: readonly string[];
  }[] = [
    { what: 'EUI-64 beside an IPv4 one', ips: ['192.0.2.5'], mac: MAC, addresses: ['192.0.2.5', EUI64] },
    { what: 'EUI-64 alone', ips: [], mac: MAC, addresses: [EUI64] },
    { what: 'a given one in its place', ips: ['2001:db8:993::5'], mac: MAC, addresses: ['2001:db8:993::5'] },
    { what: 'no MAC', ips: ['192.0.2.5'], addresses: ['192.0.2.5'] },
    {
      what: 'a subnet that is no /64',
      ips: ['192.0.2.5'],
      mac: MAC,
      subnet6: '2001:db8:993::/80',
      addresses: ['192.0.2.5'],
    },
    {
      what: 'several',
      ips: ['192.0.2.5', '192.0.2.6', '2001:db8:993::5'],
      addresses: ['192.0.2.5', '192.0.2.6', '2001:db8:993::5'],
    },
  ];
  for (const { what, ips, mac, subnet6, addresses } of rows) {
    test(what, () => {
      const ini = subnet6 === undefined ? PUBLIC : PUBLIC.replace('2001:db8:993::/64', subnet6);
      const asked = request({ network: { name: 'public' }, ...(mac === undefined ? {} : { mac }) }, ips);
      const nic = resolveNic(asked, surroundings(ini));
      assert.ok(nic.mode === 'routed');
      assert.deepEqual(
        nic.addresses.map(one => one.text),
        addresses,
      );
      assert.deepEqual(
        nic.network.families.map(one => one.family),
        [...new Set(nic.addresses.map(one => one.family))].sort(),
      );
    });
  }

  test('none, one outside the subnet, and the gateway are refused', () => {
    const rows: readonly (readonly [RegExp, readonly string[]])[] = [
      [/address/, []],
      [/192\.0\.3\.5/, ['192.0.3.5']],
      [/2001:db8:994::5/, ['2001:db8:994::5']],
      [/192\.0\.2\.1 /, ['192.0.2.1']],
      [/2001:db8:993::1 /, ['2001:db8:993::1']],
      [/192\.0\.3\.5/, ['192.0.2.5', '192.0.3.5']],
    ];
    for (const [message, ips] of rows)
      refuses(message, () => resolveNic(request({ network: { name: 'public' } }, ips), surroundings(PUBLIC)));
  });
});

describe('the network', () => {
  test('by its name, then by what the cluster calls its link', () => {
    for (const asked of [
      { network: { name: 'public' } },
      { link: 'public_993' },
      { link: 'x', network: { name: 'public' } },
    ]) {
      const nic = resolveNic(request(asked, ['192.0.2.5']), surroundings(PUBLIC));
      assert.ok(nic.mode === 'routed');
      const [four] = nic.network.families;
      assert.equal(nic.network.name, 'public');
      assert.deepEqual(four, {
        family: 4,
        table: 993,
        uplink: 'up0',
        subnet: parsePrefix('192.0.2.0/24', at),
        gateway: parseAddress('192.0.2.1', at),
        arpSource: parseAddress('192.0.2.254', at),
        skeleton: true,
      });
    }
  });

  test('tables and uplinks of each family, the group by the first table', () => {
    const ini = PUBLIC.replace('table = 993', 'table = 993\ntable6 = 1993').replace(
      'uplink = up0',
      'uplink = up0\nuplink6 = up6',
    );
    const nic = resolveNic(request({ link: 'public_993', mac: MAC }, ['192.0.2.5']), surroundings(ini));
    assert.ok(nic.mode === 'routed');
    assert.deepEqual(
      nic.network.families.map(one => [one.table, one.uplink, one.arpSource?.text]),
      [
        [993, 'up0', '192.0.2.254'],
        [1993, 'up6', undefined],
      ],
    );
    assert.equal(nic.network.group, 993);
  });

  test('the cluster wins for addresses, the file for what is local', () => {
    const network = {
      name: 'public',
      subnet: parsePrefix('192.0.2.128/25', at),
      gateway: parseAddress('192.0.2.129', at),
    };
    const nic = resolveNic(request({ network }, ['192.0.2.200']), surroundings(PUBLIC));
    assert.ok(nic.mode === 'routed');
    const [four] = nic.network.families;
    assert.deepEqual(
      [four?.subnet?.text, four?.gateway?.text, four?.uplink],
      ['192.0.2.128/25', '192.0.2.129', 'up0'],
    );
  });

  test('what is not there is refused', () => {
    refuses(/"nowhere"/, () =>
      resolveNic(request({ network: { name: 'nowhere' } }, ['192.0.2.5']), surroundings(PUBLIC)),
    );
    refuses(/"nowhere"/, () => resolveNic(request({ link: 'nowhere' }, ['192.0.2.5']), surroundings(PUBLIC)));
    refuses(/network/, () => resolveNic(request({}, ['192.0.2.5']), surroundings(PUBLIC)));
    refuses(/local/, () => resolveNic(request({ link: 'local' }, ['192.0.2.5']), surroundings('')));
  });
});

test('a bridged NIC has the bridge of its link, or of its network, or is refused', () => {
  const lan = '[network lan]\nmode = bridged\nlink = br0\n';
  const bridgeOf = (more: Partial<NicRequest>) => {
    const nic = resolveNic(request({ mode: 'bridged', ...more }), surroundings(lan));
    return nic.mode === 'bridged' ? nic.bridge : undefined;
  };
  assert.equal(bridgeOf({ link: 'br7' }), 'br7');
  assert.equal(bridgeOf({ network: { name: 'lan' } }), 'br0');
  refuses(/bridge/, () => bridgeOf({}));
  refuses(/a b/, () => bridgeOf({ link: 'a b' }));
});
