// What the tables and rules of a machine that `ip -j` describes give for a file.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addresses, importedFrom, link, type Machine, port, route } from '../support/ip-rows.ts';

/** The machine; lines that the file has, and what is nowhere in it. */
const MACHINES: readonly (readonly [string, Machine, readonly string[], RegExp?])[] = [
  [
    'a VRF, with a router behind its port, another and a last resort',
    {
      links: [
        link('mgmt', 'vrf', { table: 77 }),
        port('eth0', 'mgmt', 'vrf', addresses('10.0.0.2/24', '2001:db8::2/64')),
      ],
      routes: [
        route('default', 'eth0', { gateway: '10.0.0.1', table: 77 }),
        route('default', 'eth0', { gateway: '2001:db8::1', table: 77 }),
        route('10.8.0.0/16', 'mgmt', { gateway: '10.0.0.7', table: 77 }),
        { type: 'unreachable', dst: 'default', metric: 4_278_198_272, protocol: 3, table: 77 },
        {
          type: 'unreachable',
          dst: 'default',
          metric: 4_278_198_272,
          protocol: 3,
          table: 77,
          pref: 'medium',
        },
      ],
    },
    [
      'table = 77',
      'ports = eth0',
      'gateway = 10.0.0.1',
      'gateway6 = 2001:db8::1',
      '# not said: route 10.8.0.0/16 via 10.0.0.7 dev mgmt',
    ],
    /\[network/,
  ],
  [
    'policy tables: one with a name, one of IPv6 alone, one that no rule asks, one without a router',
    {
      links: [link('eth0'), link('eth1'), link('eth2'), link('tap0', 'tun')],
      routes: [
        route('192.0.2.0/24', 'eth0', { table: 993 }),
        route('default', 'eth0', { gateway: '192.0.2.1', table: 993 }),
        route('192.0.2.10', 'tap0', { table: 993 }),
        route('2001:db8:5::/64', 'eth1', { table: 5 }),
        route('default', 'eth1', { gateway: 'fe80::1', table: 5 }),
        route('198.51.100.0/24', 'eth2', { table: 6 }),
        route('default', 'eth2', { gateway: '198.51.100.1', table: 6 }),
        route('203.0.113.0/24', 'eth2', { table: 7 }),
      ],
      rules: [
        { priority: 0, src: 'all', table: '255' },
        { priority: 32_766, src: 'all', table: '254' },
        { priority: 100, src: 'all', fwmark: '0x3e1', table: '993', protocol: '3' },
        { priority: 101, src: '2001:db8:5::', srclen: 64, table: '5', protocol: '3' },
        { priority: 102, src: 'all', iif: 'eth2', table: '7', protocol: '3' },
        { priority: 103, src: '10.0.0.0', srclen: 8, table: '8', protocol: '3' },
      ],
    },
    [
      '[network public_993]',
      'link = public_993',
      'uplink = eth0',
      'subnet = 192.0.2.0/24',
      'gateway = 192.0.2.1',
      '[network table-5]',
      'uplink = eth1',
      'subnet6 = 2001:db8:5::/64',
      'gateway6 = fe80::1',
      '; not said: route 198.51.100.0/24 dev eth2 of table 6',
      '; not said: route 203.0.113.0/24 dev eth2 of table 7',
      '; not said: rule of IPv4, 102: from all iif eth2 lookup 7',
      '; not said: rule of IPv4, 103: from 10.0.0.0/8 lookup 8',
    ],
    /tap0|192\.0\.2\.10|32766/,
  ],
  [
    'two tables by one uplink: the second is left in words',
    {
      links: [link('eth0')],
      routes: [5, 6].flatMap(table => [
        route(`10.${table}.0.0/24`, 'eth0', { table }),
        route('default', 'eth0', { gateway: `10.${table}.0.1`, table }),
      ]),
      rules: [5, 6].map(table => ({
        priority: 100 + table,
        src: `10.${table}.0.0`,
        srclen: 24,
        table: String(table),
        protocol: '3',
      })),
    },
    ['[network table-5]', '; not said: network table-6, whose uplink is that of table-5'],
    /\[network table-6\]/,
  ],
];

test('machines, and what is said of them', async t => {
  for (const [name, machine, lines, never] of MACHINES)
    await t.test(name, () => {
      const text = importedFrom(machine);
      for (const line of lines) assert.ok(text.split('\n').includes(line), `${line}\n\n${text}`);
      if (never !== undefined) assert.doesNotMatch(text.replace(/^;.*by vmnet host import.*$/m, ''), never);
    });
});
