// Each kind of object that a routed NIC has, broken by hand.
import type { World } from './world.ts';

export interface Breakage {
  readonly name: string;
  /** Parts of how check names what is wrong. */
  readonly lost: readonly string[];
  readonly by: (world: World) => Promise<void>;
}

const LINKS: readonly Breakage[] = [
  broken('the tap is in no group', ['link tap0 group'], 'link set dev tap0 group 0'),
  broken('the tap has another MAC', ['link tap0 mac'], 'link set dev tap0 address 02:00:00:00:00:77'),
  broken('the tap has another MTU', ['link tap0 mtu'], 'link set dev tap0 mtu 1400'),
  broken('the tap is in a bridge', ['link tap0 master'], 'link set dev tap0 master br0'),
  broken(
    'the tap is down',
    [
      'link tap0 state',
      '198.51.100.5/32',
      '2001:db8:994::5/128',
      'fe80::',
      'proxy-neighbour 2001:db8:994::1 dev tap0',
    ],
    'link set dev tap0 down',
  ),
  broken('no link-local address', ['address tap0 fe80::'], 'address del fe80::76:6dff:fe6e:6574/64 dev tap0'),
];

const ROUTING: readonly Breakage[] = [
  broken('no route to the VM, IPv4', ['198.51.100.5/32'], 'route del 198.51.100.5/32 dev tap0 table 994'),
  broken(
    'no route to the VM, IPv6',
    ['2001:db8:994::5/128'],
    'route del 2001:db8:994::5/128 dev tap0 table 1994',
  ),
  broken(
    'no default route, IPv4',
    ['994 0.0.0.0/0'],
    'route del 0.0.0.0/0 via 198.51.100.1 dev up1 table 994',
  ),
  broken('no default route, IPv6', ['1994 ::/0'], 'route del ::/0 via 2001:db8:994::1 dev up6 table 1994'),
  broken(
    'no last route, IPv4',
    ['994 0.0.0.0/0 metric 4278198272'],
    'route del unreachable 0.0.0.0/0 table 994 metric 4278198272',
  ),
  broken(
    'no last route, IPv6',
    ['1994 ::/0 metric 4278198272'],
    'route del unreachable ::/0 table 1994 metric 4278198272',
  ),
  ...([4, 6] as const).flatMap(family => {
    const table = family === 4 ? 994 : 1994;
    const subnet = family === 4 ? '198.51.100.0/24' : '2001:db8:994::/64';
    const rule = (name: string, lost: string, words: string): Breakage =>
      broken(`no ${name}, IPv${family}`, [lost], `rule del ${words} protocol 2`, family);
    return [
      rule('mark rule', `fwmark ${table}`, `preference 900 from all fwmark ${table} lookup ${table}`),
      rule(
        'host-access',
        `rule ${family} 901`,
        `preference 901 from all to ${subnet} iif lo lookup ${table}`,
      ),
      rule('skip of the guards', `rule ${family} 902`, 'preference 902 from all iif lo goto 904'),
      rule('guard', `from ${subnet}`, `preference 903 from ${subnet} blackhole`),
      rule('end of the guards', `rule ${family} 904`, 'preference 904 from all nop'),
    ];
  }),
  broken('no proxy entry, IPv4', ['198.51.100.5 dev up1'], 'neigh del proxy 198.51.100.5 dev up1'),
  broken('no proxy entry, IPv6', ['2001:db8:994::5 dev up6'], 'neigh del proxy 2001:db8:994::5 dev up6'),
  broken(
    'no proxy entry of the gateway',
    ['2001:db8:994::1 dev tap0'],
    'neigh del proxy 2001:db8:994::1 dev tap0',
  ),
];

const SYSCTLS: readonly Breakage[] = [
  ...[
    'net/ipv4/conf/tap0/forwarding',
    'net/ipv4/conf/tap0/proxy_arp',
    'net/ipv4/conf/tap0/rp_filter',
    'net/ipv4/conf/up1/forwarding',
    'net/ipv4/conf/up1/src_valid_mark',
    'net/ipv4/fwmark_reflect',
    'net/ipv6/conf/tap0/proxy_ndp',
    'net/ipv6/conf/up6/proxy_ndp',
    'net/ipv6/fwmark_reflect',
  ].map((path): Breakage => ({ name: path, lost: [path], by: world => world.sysctl(path, '0') })),
  {
    name: 'IPv6 is off on the tap',
    lost: ['net/ipv6/conf/tap0/disable_ipv6', '2001:db8:994::5/128', 'fe80::'],
    by: world => world.sysctl('net/ipv6/conf/tap0/disable_ipv6', '1'),
  },
];

const FILTER: readonly Breakage[] = [
  nft('no table', ['nft-table inet'], 'delete table inet vmnet'),
  nft('no table of arp', ['nft-table arp'], 'delete table arp vmnet'),
  nft('no filter of the tap', ['nft-chain netdev from-tap0'], 'delete chain netdev vmnet from-tap0'),
  nft('an empty filter', ['nft-chain netdev from-tap0'], 'flush chain netdev vmnet from-tap0'),
  nft(
    'a rule too much',
    ['nft-chain netdev from-tap0'],
    'add rule netdev vmnet from-tap0 accept comment "let it through"',
  ),
  nft('an unknown tap', ['taps tap0'], 'delete element inet vmnet taps { "tap0" }'),
  nft('no mark of the uplink', ['uplink_mark6 up6'], 'delete element inet vmnet uplink_mark6 { "up6" }'),
];

export const BREAKAGES = { links: LINKS, routing: ROUTING, sysctls: SYSCTLS, filter: FILTER };

function broken(name: string, lost: readonly string[], line: string, family: 4 | 6 = 4): Breakage {
  return { name, lost, by: world => world.ip(line, family) };
}

function nft(name: string, lost: readonly string[], ...lines: readonly string[]): Breakage {
  return { name: `nft: ${name}`, lost, by: world => world.nft(...lines) };
}
