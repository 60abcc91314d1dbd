// What the kernel in memory has, and what comes and goes with a link.
import type { Ifname } from '../../../lib/core/model/ifname.ts';
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
import type { OvsPort } from '../../../lib/core/model/ovs-port.ts';
import type { VlanLink } from '../../../lib/core/observed/query.ts';

export interface Link {
  readonly ifname: Ifname;
  readonly ifindex: number;
  readonly type: 'tun' | 'veth' | 'bridge';
  mac: Mac;
  mtu: number;
  group: number;
  master: Ifname | undefined;
  up: boolean;
  /** NET_ADDR_SET: a bridge whose address somebody gave it keeps it. */
  macWasSet: boolean;
  /** What it has as a port of a bridge. */
  port: Map<PortSetting, string>;
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
  vlanLinks: VlanLink[];
  /** Its database outlives every link. */
  ovs: ReadonlyMap<string, OvsPort>;
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
    vlanLinks: [],
    ovs: new Map(),
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
  ...['addr_gen_mode', 'disable_ipv6', 'forwarding', 'force_forwarding', 'proxy_ndp'].map(
    name => [`ipv6/conf/*/${name}`, '0'] as const,
  ),
  ...['accept_ra', 'accept_redirects'].map(name => [`ipv6/conf/*/${name}`, '1'] as const),
  ['ipv4/neigh/*/proxy_delay', '80'],
  ['ipv6/neigh/*/proxy_delay', '80'],
];

const OF_THE_HOST = ['net/ipv4/fwmark_reflect', 'net/ipv6/fwmark_reflect', 'net/ipv6/conf/all/forwarding'];

/** All sysctls that vmnet writes or reads, with a star for the link. */
export const SYSCTLS: readonly string[] = [...OF_THE_HOST, ...DEFAULTS.map(([path]) => `net/${path}`)];

export function addLink(state: KernelState, ifname: Ifname, type: Link['type'], mac: Mac): Link {
  const link: Link = {
    ifname,
    ifindex: state.nextIndex++,
    type,
    mac,
    mtu: 1500,
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

/** Rules and the elements of nft sets name links, and outlive them. */
export function removeLink(state: KernelState, ifname: string): void {
  const link = state.links.get(ifname);
  const bridge = link?.master;
  flush(state, ifname, 'all');
  state.addresses = state.addresses.filter(one => one.ifname !== ifname);
  state.links.delete(ifname);
  setMaster(state, link, undefined);
  for (const port of state.links.values()) if (port.master === ifname) setMaster(state, port, undefined);
  for (const path of state.sysctls.keys())
    if (path.split('/')[3] === ifname && path.split('/').length === 5) state.sysctls.delete(path);
  if (bridge !== undefined) adoptMac(state, bridge);
}

/** What a link loses when it goes down, or of IPv6 alone when that is switched off for it. */
export function flush(state: KernelState, ifname: string, family: 6 | 'all'): void {
  const goes = (of: number): boolean => family === 'all' || of === family;
  state.addresses = state.addresses.filter(one => one.ifname !== ifname || one.address.family === 4);
  state.routes = state.routes.filter(one => one.dev !== ifname || !goes(one.prefix.family));
  state.proxies = state.proxies.filter(one => one.dev !== ifname || !goes(one.address.family));
}

/** Of every bridge, VLAN-aware or not. */
export const DEFAULT_PVID = 1;

/** A link that joins a bridge has what every port starts with, and one that leaves keeps nothing of it. */
export function setMaster(state: KernelState, link: Link | undefined, master: Ifname | undefined): void {
  if (link === undefined || link.master === master) return;
  link.master = master;
  link.port = new Map(master === undefined ? [] : NEW_PORT);
  link.vlans = new Map(master === undefined ? [] : [[DEFAULT_PVID, { pvid: true, untagged: true }]]);
  state.fdb = state.fdb.filter(one => one.ifname !== link.ifname);
}

const NEW_PORT: readonly (readonly [PortSetting, string])[] = [
  ['learning', 'on'],
  ['flood', 'on'],
  ['hairpin', 'off'],
  ['isolated', 'off'],
  ['locked', 'off'],
  ['mcast_router', '1'],
];

/** A bridge takes the lowest MAC among its ports, unless its own was set (br_stp_recalculate_bridge_id). */
export function adoptMac(state: KernelState, bridge: string): void {
  const link = state.links.get(bridge);
  if (link === undefined || link.type !== 'bridge' || link.macWasSet) return;
  const [lowest] = portsOf(state, bridge)
    .map(port => port.mac)
    .sort();
  link.mac = lowest ?? ('00:00:00:00:00:00' as Mac);
}

export function portsOf(state: KernelState, bridge: string): readonly Link[] {
  return [...state.links.values()].filter(port => port.master === bridge);
}

export function setSysctl(state: KernelState, path: string, value: string): void {
  state.sysctls.set(path, value);
  const [, family, , ifname, name] = path.split('/');
  if (family === 'ipv6' && name === 'disable_ipv6' && value === '1' && ifname !== undefined)
    flush(state, ifname, 6);
}
