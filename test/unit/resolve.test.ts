import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { defaultRouteQueries, resolveNic } from '../../lib/core/desired/resolve.ts';
import type { Route } from '../../lib/core/model/object.ts';
import {
  EUI64,
  facts,
  MAC,
  PUBLIC,
  refuses,
  request,
  surroundings,
  viaDefault,
} from '../support/resolving.ts';

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
      [/address.* IP/, []],
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
