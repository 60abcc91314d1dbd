// What the kernel in memory has, and what comes and goes with a link.
import type { Ifname } from '../../../lib/core/model/ifname.ts';
import type { Link as KernelLink, MasterSetting } from '../../../lib/core/model/link.ts';
import type { Mac } from '../../../lib/core/model/mac.ts';
import type { NftHook } from '../../../lib/core/model/nft.ts';
import type {
  BridgeVlan,
  FdbEntry,
  LinkAddress,
  PortSetting,
  ProxyNeighbour,
  Route,
  Rule,
} from '../../../lib/core/model/object.ts';
import type { OvsBridge } from '../../../lib/core/model/ovs-bridge.ts';
import type { OvsPort } from '../../../lib/core/model/ovs-port.ts';
import type { VlanLink } from '../../../lib/core/observed/query.ts';
import { adoptMac, portsOf, setMaster } from './ports.ts';

export type LinkType = 'openvswitch' | 'tun' | 'veth' | 'bridge' | 'bond' | 'vlan' | 'vrf';
export type LinkFixed = Omit<KernelLink, 'kind' | 'ifname' | 'type'>;

export interface Link {
  readonly ifname: Ifname;
  readonly ifindex: number;
  readonly type: LinkType;
  /** What it has from when it was made. */
  readonly fixed: LinkFixed;
  mac: Mac;
  mtu: number;
  /** What it had when it joined a bond, which gives it back. */
  mtuBefore: number | undefined;
  group: number;
  master: Ifname | undefined;
  up: boolean;
  /** NET_ADDR_SET: a bridge whose address somebody gave it keeps it. */
  macWasSet: boolean;
  /** What it has as a port of a bridge. */
  port: Map<PortSetting, string>;
  /** What it has as a bond or as a bridge. */
  readonly own: Map<MasterSetting, string>;
  /** As a port, by their ids. */
  vlans: Map<number, Pick<BridgeVlan, 'pvid' | 'untagged'>>;
  /** As a bridge: `vlan_filtering`. */
  filtering: boolean;
}

export interface Chain {
  readonly hook: NftHook | undefined;
  readonly rules: { readonly text: string; readonly comment: string }[];
}

export interface SetOrMap {
  readonly type: string;
  readonly interval: boolean;
  /** By the words of the key. */
  readonly elements: Map<string, { readonly key: readonly string[]; readonly value?: string }>;
}

export interface Table {
  readonly sets: Map<string, SetOrMap>;
  readonly chains: Map<string, Chain>;
}

export interface KernelState {
  nextIndex: number;
  readonly links: Map<string, Link>;
  addresses: LinkAddress[];
  routes: Route[];
  rules: Rule[];
  proxies: ProxyNeighbour[];
  fdb: FdbEntry[];
  readonly sysctls: Map<string, string>;
  /** Kinds of links, and words of bonds, for which it has no module. */
  readonly lacks: Set<string>;
  vlanLinks: VlanLink[];
  /** Its database outlives every link. */
  ovs: ReadonlyMap<string, OvsPort>;
  ovsBridges: ReadonlyMap<string, OvsBridge>;
  /** By `inet vmnet`. */
  nft: Map<string, Table>;
}

const RULE = { kind: 'rule', protocol: 2 } as const;

/** A kernel after boot: loopback, and the rules that it makes itself. */
export function emptyState(): KernelState {
  const state: KernelState = {
    nextIndex: 1,
    links: new Map(),
    addresses: [],
    routes: [],
    rules: ([4, 6] as const).flatMap((family): Rule[] => [
      { ...RULE, family, preference: 0, action: { do: 'lookup', table: 255 } },
      { ...RULE, family, preference: 32_766, action: { do: 'lookup', table: 254 } },
      ...(family === 4
        ? [{ ...RULE, family, preference: 32_767, action: { do: 'lookup' as const, table: 253 } }]
        : []),
    ]),
    proxies: [],
    fdb: [],
    lacks: new Set(),
    vlanLinks: [],
    ovs: new Map(),
    ovsBridges: new Map(
      ['ovs0', 'ovs1'].map(name => [name, { kind: 'ovs-bridge', ifname: name as Ifname }] as const),
    ),
    sysctls: new Map(OF_THE_HOST.map(path => [path, '0'])),
    nft: new Map(),
  };
  addLink(state, 'lo' as Ifname, 'veth', '00:00:00:00:00:00' as Mac);
  return state;
}

/** What a link starts with: those that vmnet has to do with. */
const DEFAULTS: readonly (readonly [string, string])[] = [
  ...['forwarding', 'proxy_arp', 'rp_filter', 'src_valid_mark', 'arp_ignore'].map(
    name => [`ipv4/conf/*/${name}`, '0'] as const,
  ),
  ...['accept_redirects', 'send_redirects'].map(name => [`ipv4/conf/*/${name}`, '1'] as const),
  ...[
    'keep_addr_on_down',
    'addr_gen_mode',
    'disable_ipv6',
    'forwarding',
    'force_forwarding',
    'proxy_ndp',
  ].map(name => [`ipv6/conf/*/${name}`, '0'] as const),
  ...['accept_dad', 'accept_ra', 'accept_ra_defrtr', 'accept_redirects'].map(
    name => [`ipv6/conf/*/${name}`, '1'] as const,
  ),
  ['ipv4/neigh/*/proxy_delay', '80'],
  ['ipv6/neigh/*/proxy_delay', '80'],
];

const OF_THE_HOST = [
  'net/ipv4/fwmark_reflect',
  'net/ipv6/fwmark_reflect',
  'net/ipv6/conf/all/forwarding',
  'net/ipv6/conf/all/accept_dad',
  'net/ipv4/tcp_l3mdev_accept',
  'net/ipv4/udp_l3mdev_accept',
  'net/ipv4/raw_l3mdev_accept',
  'net/vrf/strict_mode',
];

/** All sysctls that vmnet writes or reads, with a star for the link. */
export const SYSCTLS: readonly string[] = [...OF_THE_HOST, ...DEFAULTS.map(([path]) => `net/${path}`)];

export function addLink(
  state: KernelState,
  ifname: Ifname,
  type: LinkType,
  mac: Mac,
  fixed: LinkFixed = {},
): Link {
  const link: Link = {
    fixed,
    own: new Map((OWN[type] ?? []).filter(([name]) => (ONLY_IN[name] ?? fixed.mode) === fixed.mode)),
    ifname,
    ifindex: state.nextIndex++,
    type,
    mac,
    mtu: 1500,
    mtuBefore: undefined,
    group: 0,
    master: undefined,
    up: false,
    macWasSet: false,
    port: new Map(),
    vlans: new Map(),
    filtering: false,
  };
  state.links.set(ifname, link);
  for (const [path, value] of DEFAULTS) state.sysctls.set(`net/${path.replace('*', ifname)}`, value);
  return link;
}

const ONLY_IN: Readonly<Partial<Record<MasterSetting, string>>> = {
  lacp_rate: '802.3ad',
  primary: 'active-backup',
};

const OWN: Readonly<Partial<Record<LinkType, readonly (readonly [MasterSetting, string])[]>>> = {
  bond: [
    ['miimon', '0'],
    ['min_links', '0'],
    ['xmit_hash_policy', 'layer2'],
    ['lacp_rate', 'slow'],
    ['primary', 'none'],
  ],
  bridge: [
    ['stp_state', '0'],
    ['forward_delay', '1500'],
    ['mcast_snooping', '1'],
    ['mcast_querier', '0'],
    ['vlan_default_pvid', '1'],
    ['vlan_filtering', '0'],
  ],
};

/** Rules and the elements of nft sets name links, and outlive them. */
export function removeLink(state: KernelState, ifname: string): void {
  const link = state.links.get(ifname);
  const bridge = link?.master;
  for (const child of [...state.links.values()])
    if (child.fixed.parent === ifname) removeLink(state, child.ifname);
  for (const port of portsOf(state, ifname)) {
    setMaster(state, port, undefined);
    if (link?.type === 'vrf') cycle(state, port);
  }
  flush(state, ifname, 'all');
  state.addresses = state.addresses.filter(one => one.ifname !== ifname);
  state.links.delete(ifname);
  setMaster(state, link, undefined);
  for (const path of state.sysctls.keys())
    if (path.split('/')[3] === ifname && path.split('/').length === 5) state.sysctls.delete(path);
  if (bridge !== undefined) adoptMac(state, bridge);
}

/** A link that joins a VRF or leaves one is set down and up. */
export function cycle(state: KernelState, link: Link): void {
  if (!link.up) return;
  const kept = state.sysctls.get(`net/ipv6/conf/${link.ifname}/keep_addr_on_down`) === '1';
  const addresses = state.addresses;
  flush(state, link.ifname, 'all');
  const stays = (one: LinkAddress): boolean =>
    one.ifname !== link.ifname || one.address.family === 4 || !one.dynamic;
  if (kept) state.addresses = addresses.filter(stays);
}

/** What a link loses when it goes down, or of IPv6 alone when that is switched off for it. */
export function flush(state: KernelState, ifname: string, family: 6 | 'all'): void {
  const goes = (of: number): boolean => family === 'all' || of === family;
  state.addresses = state.addresses.filter(one => one.ifname !== ifname || one.address.family === 4);
  state.routes = state.routes.filter(one => one.dev !== ifname || !goes(one.prefix.family));
  state.proxies = state.proxies.filter(one => one.dev !== ifname || !goes(one.address.family));
}

export function setDown(state: KernelState, link: Link): void {
  if (link.up) flush(state, link.ifname, 'all');
  link.up = false;
}

export function setSysctl(state: KernelState, path: string, value: string): void {
  state.sysctls.set(path, value);
  const [, family, , ifname, name] = path.split('/');
  if (family === 'ipv6' && name === 'disable_ipv6' && value === '1' && ifname !== undefined)
    flush(state, ifname, 6);
}
