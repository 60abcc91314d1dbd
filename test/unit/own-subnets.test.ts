// Which routes to a subnet come back with the address, and which have to be put back.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parsePrefix } from '../../lib/core/model/address.ts';
import { type Ifname, parseIfname } from '../../lib/core/model/ifname.ts';
import type { LinkAddress, Route } from '../../lib/core/model/object.ts';
import { isMovable, withOwnSubnets } from '../../lib/core/observed/host-scope.ts';

const eth0 = parseIfname('eth0', '');

function address(text: string, length: number, metric?: number): LinkAddress {
  const family = text.includes(':') ? 6 : 4;
  const given = { kind: 'address', ifname: eth0, address: { family, text }, length } as const;
  return metric === undefined ? given : { ...given, metric };
}

function route(prefix: string, metric: number, more: { dev?: Ifname; protocol?: number } = {}): Route {
  const parsed = parsePrefix(prefix, '');
  return {
    kind: 'route',
    table: 254,
    prefix: parsed,
    type: 'unicast',
    dev: eth0,
    protocol: 2,
    metric,
    ...more,
  };
}

test('a route to the subnet of an address', async t => {
  const table: readonly (readonly [string, LinkAddress, Route, boolean])[] = [
    [
      'of systemd-networkd: the kernel makes it',
      address('10.0.0.2', 24, 1024),
      route('10.0.0.0/24', 1024),
      false,
    ],
    ['the same of IPv6', address('2001:db8::2', 64, 512), route('2001:db8::/64', 512), false],
    ['of NetworkManager: it makes it itself', address('10.0.0.2', 24), route('10.0.0.0/24', 100), true],
    ['with the own metric of the kernel', address('10.0.0.2', 24), route('10.0.0.0/24', 0), false],
    ['with another metric', address('10.0.0.2', 24, 1024), route('10.0.0.0/24', 100), true],
    ['to another subnet', address('10.0.0.2', 24, 1024), route('10.1.0.0/24', 1024), true],
    [
      'of another link',
      address('10.0.0.2', 24, 7),
      route('10.0.0.0/24', 7, { dev: parseIfname('e1', '') }),
      true,
    ],
    ['of somebody else', address('10.0.0.2', 24, 7), route('10.0.0.0/24', 7, { protocol: 4 }), true],
  ];
  for (const [name, given, found, expected] of table)
    await t.test(name, () => {
      const [, one = found] = withOwnSubnets([given, found]);
      assert.equal(isMovable(one), expected);
    });
});
