// Settings of the tap, and sysctls of tap and uplink, that somebody changes. See breakage.ts.
import { ip, writeSysctl } from '../support/command.ts';
import { ADDRESS6, type Breakage, testBreakages } from './breakage.ts';

const SETTINGS: readonly Breakage[] = (
  [
    ['group', ['group', '5']],
    ['mac', ['address', '02:00:00:00:00:55']],
    ['mtu', ['mtu', '1400']],
    ['state', ['down']],
    ['master', ['master', 'br0']],
  ] as const
).map(
  ([setting, words]): Breakage => ({
    what: `${setting} of the tap`,
    kind: 'link-setting',
    drift: 'changed',
    names: [`tap0 ${setting}`],
    by: node => ip(node, 'link', 'set', 'tap0', ...words),
  }),
);

const LINKS: readonly Breakage[] = [
  ...SETTINGS,
  {
    what: 'link-local address of the tap deleted',
    kind: 'address',
    drift: 'missing',
    names: ['fe80::76:6dff:fe6e:6574/64'],
    by: node => ip(node, 'address', 'flush', 'dev', 'tap0'),
  },
  {
    what: 'link-local address of the tap too many',
    kind: 'address',
    drift: 'unexpected',
    names: ['fe80::1/64'],
    by: node => ip(node, 'address', 'add', 'fe80::1/64', 'dev', 'tap0', 'nodad'),
  },
  {
    what: 'uplink down and up',
    kind: 'proxy-neighbour',
    drift: 'missing',
    names: ['192.0.2.10 dev up0', `${ADDRESS6} dev up0`],
    by: async node => {
      for (const state of ['down', 'up']) await ip(node, 'link', 'set', 'up0', state);
    },
  },
  {
    what: 'MTU of the uplink',
    kind: 'link-setting',
    drift: 'changed',
    names: ['tap0 mtu'],
    by: node => ip(node, 'link', 'set', 'up0', 'mtu', '1450'),
  },
];

/** The same name below ipv4 and ipv6 where both have it. */
const SYSCTLS: readonly Breakage[] = (
  [
    ['0', 'net/ipv4/conf/tap0/forwarding', 'net/ipv6/conf/tap0/forwarding'],
    ['0', 'net/ipv4/conf/tap0/proxy_arp', 'net/ipv6/conf/tap0/proxy_ndp'],
    ['1', 'net/ipv4/conf/tap0/accept_redirects', 'net/ipv6/conf/tap0/accept_redirects'],
    ['80', 'net/ipv4/neigh/tap0/proxy_delay', 'net/ipv6/neigh/tap0/proxy_delay'],
    ['80', 'net/ipv4/neigh/up0/proxy_delay', 'net/ipv6/neigh/up0/proxy_delay'],
    ['0', 'net/ipv4/fwmark_reflect', 'net/ipv6/fwmark_reflect'],
    ['0', 'net/ipv4/conf/up0/forwarding', 'net/ipv6/conf/up0/proxy_ndp'],
    ['0', 'net/ipv4/conf/tap0/rp_filter', 'net/ipv4/conf/tap0/src_valid_mark'],
    ['1', 'net/ipv4/conf/up0/proxy_arp', 'net/ipv6/conf/tap0/disable_ipv6'],
  ] as const
).map(
  ([value, ...paths]): Breakage => ({
    what: `${paths.join(' and ')} = ${value}`,
    kind: 'sysctl',
    drift: 'changed',
    names: paths,
    by: node => writeSysctl(node, value, ...paths),
  }),
);

testBreakages([...LINKS, ...SYSCTLS]);
