// What a machine that `ip -j` describes gives for a file.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  addresses,
  BACKUP,
  BRIDGE,
  importedFrom,
  link,
  type Machine,
  port,
  route,
} from '../support/ip-rows.ts';

const VLAN5 = { id: 5, protocol: '[33024]' };

/** The machine; lines that the file has, and what is nowhere in it. */
const MACHINES: readonly (readonly [string, Machine, readonly string[], RegExp?])[] = [
  ['hardware alone', { links: [link('eth0')] }, [], /eth0/],
  [
    'an address on hardware, of both families',
    { links: [link('eth0', undefined, {}, addresses('10.0.0.2/24', '2001:db8::2/64', 'fe80::1/64'))] },
    ['; eth0: address 10.0.0.2/24', '; eth0: address 2001:db8::2/64'],
    /fe80/,
  ],
  [
    'addresses that are given for a time',
    {
      links: [
        link(
          'br0',
          'bridge',
          BRIDGE,
          addresses('10.0.0.2/24 dynamic', '2001:db8::2/64 dynamic', '10.0.0.3/24'),
        ),
      ],
      routes: [
        { dst: 'default', gateway: '10.0.0.1', dev: 'br0', protocol: 16 },
        { dst: 'default', gateway: 'fe80::9', dev: 'br0', protocol: 9 },
      ],
    },
    [
      'addresses = 10.0.0.3/24',
      '# dynamic: 10.0.0.2/24',
      '# dynamic: 2001:db8::2/64',
      '# dynamic: route 0.0.0.0/0 via 10.0.0.1',
      '# dynamic: route ::/0 via fe80::9',
    ],
    /gateway/,
  ],
  [
    'routers, one with a link-local address, one beside, and routes of a daemon',
    {
      links: [link('br0', 'bridge', BRIDGE, addresses('10.0.0.2/24', '2001:db8::2/64'))],
      routes: [
        route('default', 'br0', { gateway: '10.0.0.1' }),
        route('default', 'br0', { gateway: '10.0.0.9', metric: 50 }),
        route('default', 'br0', { gateway: 'fe80::9' }),
        route('10.7.0.0/16', 'br0', { via: { family: 'inet6', host: 'fe80::7' } }),
        route('10.8.0.0/16', 'br0', { gateway: '10.0.0.1', protocol: 12 }),
        route('10.9.0.0/16', 'br0', { prefsrc: '10.0.0.2' }),
        { dst: '10.10.0.0/16', protocol: 3, nexthops: [{ gateway: '10.0.0.1', dev: 'br0', weight: 1 }] },
        route('10.0.0.0/24', 'br0', { protocol: 2 }),
      ],
    },
    [
      'gateway = 10.0.0.1',
      'gateway6 = fe80::9',
      'routes = 0.0.0.0/0 via 10.0.0.9 metric 50, 10.9.0.0/16',
      '# not said: source 10.0.0.2 of the route to 10.9.0.0/16',
      '; not said: route 10.10.0.0/16',
      '# not said: route 10.7.0.0/16 via fe80::7',
      '# not said: 1 routes of protocol 12',
    ],
  ],
  [
    'a router in no subnet of the link, and none at all',
    {
      links: [link('br0', 'bridge', BRIDGE, addresses('10.0.0.2/24'))],
      routes: [
        route('default', 'br0', { gateway: '10.9.0.1' }),
        route('default', 'br0', { gateway: '2001:db8:9::1' }),
      ],
    },
    ['# not said: route 0.0.0.0/0 via 10.9.0.1', '# not said: route ::/0 via 2001:db8:9::1'],
    /^gateway/m,
  ],
  [
    'a bond in a mode without words, a stray one, one that is down, and what stands on them',
    {
      links: [
        port('eth0', 'bond1', 'bond'),
        link('bond0', 'bond', { ...BACKUP, mode: 'balance-rr' }),
        link('bond1', 'bond', { ...BACKUP, mode: 'balance-tlb' }),
        link('bond2', 'bond', BACKUP, { flags: [] }),
        link('bond1.5', 'vlan', VLAN5, { link: 'bond1' }),
      ],
    },
    [
      '; [bond bond0]: its mode is balance-rr',
      '; [bond bond1]: its mode is balance-tlb',
      '; [bond bond2]: it is down',
      '[vlan bond1.5]',
      'parent = bond1',
    ],
    /^\[bond/m,
  ],
  [
    'VLANs of another kind',
    {
      links: [
        link('eth0'),
        link('q', 'vlan', { id: 5, protocol: '[34984]' }, { link: 'eth0' }),
        link('z', 'vlan', { ...VLAN5, id: 0 }, { link: 'eth0' }),
        link('n', 'vlan', VLAN5, { link_netnsid: 0 }),
      ],
    },
    [
      '; [vlan q]: its protocol is [34984]',
      '; [vlan z]: its VLAN id is 0',
      '; [vlan n]: what it is on is in another network namespace',
    ],
    /^\[vlan/m,
  ],
  [
    "what is of VMs' and containers' software",
    {
      links: [
        link('br0', 'bridge', BRIDGE),
        port('eth0', 'br0', 'bridge'),
        link('tap3', 'tun', {}, { master: 'br0' }),
        link('vnet0', 'tun', {}, { master: 'virbr0' }),
        link('virbr0', 'bridge', BRIDGE, addresses('192.168.122.1/24')),
        link('docker0', 'bridge', BRIDGE, addresses('172.17.0.1/16')),
        link('br-0123456789ab', 'bridge', BRIDGE),
        link('veth1a2b3c4', 'veth', {}, { master: 'br-0123456789ab' }),
        link('vif1.0', undefined, {}, { master: 'br0' }),
        link('lxcbr0', 'bridge', BRIDGE),
      ],
    },
    ['[bridge br0]', 'ports = eth0'],
    /tap3|vnet0|virbr0|docker0|veth|vif|lxc|br-0/,
  ],
  [
    'a port with an address stays where it is, and so do its neighbours',
    {
      links: [
        link('br0', 'bridge', BRIDGE),
        port('eth0', 'br0', 'bridge', addresses('10.0.0.2/24')),
        port('eth1', 'br0', 'bridge', { flags: [] }),
        port('eth2', 'br0', 'bridge'),
      ],
    },
    [
      'ports = eth2',
      '# not said: port eth0, it is a port of br0 and has addresses of its own',
      '# not said: port eth1, it is down',
      '; eth0: address 10.0.0.2/24',
    ],
  ],
  [
    'a long MTU is said where it is set',
    {
      links: [
        link('bond0', 'bond', BACKUP, { mtu: 9000 }),
        port('eth0', 'bond0', 'bond', { mtu: 9000 }),
        link('bond0.5', 'vlan', VLAN5, { link: 'bond0', mtu: 9000 }),
        link('bond0.6', 'vlan', { ...VLAN5, id: 6 }, { link: 'bond0', mtu: 1500 }),
        link('br0', 'bridge', BRIDGE, { mtu: 1400 }),
        port('eth1', 'br0', 'bridge'),
        link('eth2', undefined, {}, { mtu: 4000 }),
      ],
    },
    ['mtu = 9000', 'mtu = 1500', '# not said: mtu 1400, which not all of its ports have', '; eth2: mtu 4000'],
    /eth0: mtu/,
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
