import type { Address, Family, Prefix } from '../model/address.ts';
import { chainOf } from '../model/chain-name.ts';
import type { Ifname } from '../model/ifname.ts';
import type { Mac } from '../model/mac.ts';
import type { NftFamily } from '../model/nft.ts';
import type { KernelObject } from '../model/object.ts';

/** What to read of the kernel: one NIC's surroundings cost the same at one NIC and at a thousand. */
export interface Query {
  readonly links: readonly Ifname[] | 'all';
  readonly routes: readonly RouteQuery[];
  readonly proxies: readonly ProxyQuery[];
  readonly sysctls: readonly string[];
  readonly rules: boolean;
  readonly nft: readonly NftQuery[];
  /** Ports whose entries in the forwarding database are asked for. */
  readonly fdb: readonly Ifname[];
  /** Ports whose VLANs are asked for; absent where no NIC has any. */
  readonly vlans?: readonly Ifname[] | 'all';
  /** Taps whose ports of Open vSwitch are asked for; absent where no NIC has one. `all`: all; `any`: the same, if it runs here at all. */
  readonly ovs?: readonly Ifname[] | 'all' | 'any';
  /** Of the sets that are keyed by tap, whose elements are of interest; others may be left out. */
  readonly elementsOf?: ReadonlySet<string>;
}

/** One of our tables, a single chain of one, or only that it is there and the names of its chains. */
export type NftQuery =
  | { readonly family: NftFamily }
  | { readonly family: NftFamily; readonly chain: string }
  | { readonly family: NftFamily; readonly there: true };

/**
 * Of the filter: what the NICs share, and of the chains, of which each has one, theirs alone. Even of a thousand one by
 * one: the kernel begins anew for each page of a table that it lists, and ten thousands of rules are hundreds of pages.
 */
export function nftQueriesOf(taps: readonly Ifname[]): readonly NftQuery[] {
  return [
    ...SHARED_TABLES,
    HEADERS,
    ...taps.map(tap => ({ family: 'netdev' as const, chain: chainOf(tap) })),
  ];
}

/** What is the same for all guests. */
const HEADERS: NftQuery = { family: 'netdev', chain: 'headers' };

const SHARED_TABLES: readonly NftQuery[] = [{ family: 'inet' }, { family: 'arp' }, { family: 'bridge' }];

/** Whether the table of the chains is there, and which there are. */
export const CHAIN_NAMES: NftQuery = { family: 'netdev', there: true };

/** Filters that the kernel or `ip` applies; without a table, all tables. */
export interface RouteQuery {
  readonly family: Family;
  readonly table?: number;
  readonly dev?: Ifname;
  readonly prefix?: Prefix;
  readonly protocol?: number;
}

/** Proxy neighbours for one address on any device, all on one device, or all with one protocol or with whichever. */
export type ProxyQuery =
  | { readonly address: Address }
  | { readonly dev: Ifname }
  | { readonly protocol: number | 'any' };

/** The kernel as it was read: objects in the same type as the desired ones, and facts that nobody sets. */
export interface Observed {
  readonly objects: readonly KernelObject[];
  readonly links: ReadonlyMap<string, LinkFacts>;
  /** How long `ip` took for the changes before, in ms. */
  readonly tookMs?: number;
  /** VLAN interfaces of this node, where VLANs of ports were asked for. */
  readonly vlanLinks?: readonly VlanLink[];
  /** The bridges of Open vSwitch, where its ports were asked for. */
  readonly ovsBridges?: readonly string[];
}

/** `eth0.10`, which takes the frames of VLAN 10 from eth0 before a bridge sees them. */
export interface VlanLink {
  readonly ifname: string;
  readonly parent: string;
  readonly id: number;
}

export interface LinkFacts {
  readonly ifname: Ifname;
  readonly ifindex: number;
  readonly mac: Mac;
  readonly mtu: number;
  readonly up: boolean;
  readonly group: number;
  readonly master?: string;
  /** `bridge`, `tun`, `veth`, …; absent for hardware. */
  readonly type?: string;
  /** Of a VLAN. */
  readonly parent?: string;
  /** IPv6 link-local address, once it is there. */
  readonly linkLocal?: Address;
  /** Of a bridge, where this kernel has VLAN-aware ones. */
  readonly bridgeVlans?: BridgeVlans;
}

export interface BridgeVlans {
  /** Else it passes frames whatever VLAN they are of. */
  readonly filtering: boolean;
  /** `802.1Q` */
  readonly protocol: string;
  /** The VLAN that a port is in before anybody says anything; 0 is none. */
  readonly defaultPvid: number;
}

/** What must be read so that these objects can be compared, and these links be known. */
export function queryOf(
  objects: readonly KernelObject[],
  { taps, carriers }: { readonly taps: readonly Ifname[]; readonly carriers: readonly Ifname[] },
): Query {
  const routes = new Map<string, RouteQuery>();
  const proxies = new Map<string, ProxyQuery>();
  const ifnames = new Set([...taps, ...carriers]);
  const sysctls = new Set<string>();
  const fdb = new Set<Ifname>();
  const vlans = new Set<Ifname>();
  const ovs = new Set<Ifname>();
  for (const object of objects) {
    if (object.kind === 'link-setting') ifnames.add(object.ifname);
    if (object.kind === 'fdb-entry') fdb.add(object.ifname);
    if (object.kind === 'bridge-vlan') vlans.add(object.ifname);
    if (object.kind === 'ovs-port') ovs.add(object.ifname);
    if (object.kind === 'sysctl') sysctls.add(object.path);
    for (const query of proxyQueries(object, taps)) proxies.set(JSON.stringify(query), query);
    for (const query of routeQueries(object, taps)) routes.set(JSON.stringify(query), query);
  }
  return {
    links: [...ifnames],
    routes: [...routes.values()],
    proxies: [...proxies.values()],
    sysctls: [...sysctls],
    rules: true,
    nft: nftQueriesOf(taps),
    fdb: [...fdb],
    ...(vlans.size === 0 ? {} : { vlans: [...vlans] }),
    ...(ovs.size === 0 ? {} : { ovs: [...ovs] }),
  };
}

/** Every tap of a network answers for the one gateway, so a tap is asked for what it answers. */
function proxyQueries(object: KernelObject, taps: readonly Ifname[]): readonly ProxyQuery[] {
  if (object.kind !== 'proxy-neighbour') return [];
  return [taps.includes(object.dev) ? { dev: object.dev } : { address: object.address }];
}

/** By device finds what a tap carries too much, by prefix who else holds an address or a subnet. */
function routeQueries(object: KernelObject, taps: readonly Ifname[]): readonly RouteQuery[] {
  if (object.kind !== 'route') return [];
  const at = { family: object.prefix.family, table: object.table };
  const prefix = { ...at, prefix: object.prefix };
  const { dev } = object;
  return dev === undefined || !taps.includes(dev) ? [prefix] : [{ ...at, dev }, prefix];
}
