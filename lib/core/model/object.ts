import type { Address, Family, Prefix } from './address.ts';
import type { Ifname } from './ifname.ts';
import type { Link } from './link.ts';
import { linkText, type MasterSetting } from './link.ts';
import type { Mac } from './mac.ts';
import type { NftChain, NftElement, NftSet, NftTable } from './nft.ts';
import { type OvsBridge, ovsBridgeText } from './ovs-bridge.ts';
import { type OvsPort, ovsPortText } from './ovs-port.ts';
import { actionOf, selectorOf, tableOfSelector } from './rule-text.ts';

/**
 * Everything that vmnet wants of the kernel, or finds in it, is a list of these. `desired/` makes them from a
 * request, `observed/` from what `ip -j`, `nft -j` and /proc/sys print, and `plan/` subtracts one list from the
 * other. Each kind has the kernel's own key (`keyOf`) and one canonical text (`textOf`).
 */
export type KernelObject =
  | Link
  | LinkSetting
  | LinkAddress
  | Route
  | Rule
  | ProxyNeighbour
  | Sysctl
  | FdbEntry
  | BridgeVlan
  | OvsBridge
  | OvsPort
  | NftTable
  | NftSet
  | NftChain
  | NftElement;

export type Kind = KernelObject['kind'];

/** One attribute of an existing link. Always present, so it is changed and never deleted. */
export interface LinkSetting {
  readonly kind: 'link-setting';
  readonly ifname: Ifname;
  readonly setting: 'group' | 'mac' | 'mtu' | 'master' | 'state' | 'own-mac' | PortSetting | MasterSetting;
  /**
   * group: a number; mac: colons; mtu: bytes; master: a bridge or `none`; state: `up` or `down`; own-mac, of a bridge:
   * the MAC that it keeps whichever ports come and go, or `adopted`; of a port, see `PortSetting`; of a bond and a
   * bridge, see `MasterSetting`.
   */
  readonly value: string;
  /** Of `master`: the link has to be set down for this change, and is so afterwards. */
  readonly restart?: 'up' | 'down';
}

/** What only a port of a bridge has: `on` or `off`, and of the multicast router 0 to 2. */
export type PortSetting = 'learning' | 'flood' | 'hairpin' | 'isolated' | 'locked' | 'mcast_router';
export const PORT_SETTINGS: readonly PortSetting[] = [
  'learning',
  'flood',
  'hairpin',
  'isolated',
  'locked',
  'mcast_router',
];

export function isPortSetting({ setting }: LinkSetting): boolean {
  return (PORT_SETTINGS as readonly string[]).includes(setting);
}

/** A MAC that a bridge does not learn, because it is known to be behind this port. */
export interface FdbEntry {
  readonly kind: 'fdb-entry';
  readonly ifname: Ifname;
  readonly mac: Mac;
}

/** A VLAN that a port of a VLAN-aware bridge is in. `untagged`: the guest sees its frames without a tag, and sends them so. */
export interface BridgeVlan {
  readonly kind: 'bridge-vlan';
  readonly ifname: Ifname;
  readonly id: number;
  /** The kernel has the two apart: which VLAN untagged frames come into, and whether the tag is taken off on the way out. */
  readonly pvid: boolean;
  readonly untagged: boolean;
}

/** An address of the host on a link. */
export interface LinkAddress {
  readonly kind: 'address';
  readonly ifname: Ifname;
  readonly address: Address;
  readonly length: number;
  /** Somebody else gave it for a time: DHCP, a router's advertisement. */
  readonly dynamic?: true;
  /** How long that was when it was read, in the words of `ip`. It runs on, and is no part of what is compared. */
  readonly lifetime?: string;
  /** Of the kernel's own route to the subnet, where whoever gave the address has chosen it, as systemd-networkd does. */
  readonly metric?: number;
}

/** A route; the kernel's key is family, table, prefix and metric. */
export interface Route {
  readonly kind: 'route';
  readonly table: number;
  readonly prefix: Prefix;
  readonly type: 'unicast' | 'unreachable';
  readonly dev?: Ifname;
  /** A gateway on the device's segment; of vmnet's own always `onlink`, as an uplink may carry no address of the host. */
  readonly via?: Address;
  /** What the host's own packets have for a sender; only ever somebody else's, and put back with the route. */
  readonly source?: Address;
  /** Of a route with a gateway that somebody else made: the kernel looks whether the gateway is near. */
  readonly near?: true;
  /** What else somebody else's route has, in the words of `ip`: kept when the route moves, and never compared. */
  readonly more?: string;
  /** IPv4 without a metric has 0, IPv6 has 1024: the kernel's own defaults. */
  readonly metric: number;
  readonly protocol: number;
  /** The kernel makes it with an address, and again when the link was down. */
  readonly ofAddress?: true;
}

/** A policy rule; several may share a preference, so the whole selector is the key. */
export interface Rule {
  readonly kind: 'rule';
  readonly family: Family;
  readonly preference: number;
  readonly fwmark?: number;
  readonly from?: Prefix;
  readonly to?: Prefix;
  readonly iif?: string;
  /** Of UDP, and to this port. */
  readonly udpPort?: number;
  readonly action:
    | { readonly do: 'lookup'; readonly table: number }
    | { readonly do: 'goto'; readonly preference: number }
    | { readonly do: 'blackhole' }
    /** For what goes into a VRF or comes from one: its table, or no table at all. */
    | { readonly do: 'l3mdev' | 'l3mdev unreachable' }
    | { readonly do: 'nop' };
  readonly protocol: number;
}

/** Makes `dev` answer ARP or neighbour solicitations for one address, where a route leads out of another device. */
export interface ProxyNeighbour {
  readonly kind: 'proxy-neighbour';
  readonly address: Address;
  readonly dev: Ifname;
  readonly protocol: number;
}

/** A file below /proc/sys, by slashes, because link names may hold dots. */
export interface Sysctl {
  readonly kind: 'sysctl';
  readonly path: string;
  readonly value: string;
  /** What it is while links are changed, where that is something else. */
  readonly during?: string;
}

/** What the kernel tells objects of one kind apart by. */
export function keyOf(object: KernelObject): string {
  switch (object.kind) {
    case 'link':
      return `link ${object.ifname}`;
    case 'link-setting':
      return `link ${object.ifname} ${object.setting}`;
    case 'address':
      return `address ${object.ifname} ${object.address.text}/${object.length}`;
    case 'route':
      return `route ${object.table} ${object.prefix.text} metric ${object.metric}`;
    case 'rule':
      return `rule ${object.family} ${object.preference} ${selectorOf(object)}${tableOfSelector(object)}`;
    case 'proxy-neighbour':
      return `proxy-neighbour ${object.address.text} dev ${object.dev}`;
    case 'sysctl':
      return `sysctl ${object.path}`;
    case 'fdb-entry':
      return `fdb-entry ${object.mac} dev ${object.ifname}`;
    case 'bridge-vlan':
      return `bridge-vlan ${object.id} dev ${object.ifname}`;
    case 'ovs-bridge':
    case 'ovs-port':
      return `${object.kind} ${object.ifname}`;
    case 'nft-table':
      return `nft-table ${object.family}`;
    case 'nft-set':
      return `nft-set ${object.family} ${object.set}`;
    case 'nft-chain':
      return `nft-chain ${object.family} ${object.chain}`;
    case 'nft-element':
      return `nft-element ${object.family} ${object.set} ${object.key.join(' . ')}`;
  }
}

/** Two objects with one key are the same when their values are; written in the words of `ip` and `nft`. */
export function contentOf(object: KernelObject): string {
  switch (object.kind) {
    case 'link':
      return linkText(object);
    case 'link-setting':
    case 'sysctl':
      return object.value;
    case 'route':
      return [
        object.type === 'unreachable' ? 'unreachable' : `dev ${object.dev}`,
        ...(object.via === undefined ? [] : [`via ${object.via.text}`]),
        `proto ${object.protocol}`,
      ].join(' ');
    case 'rule':
      return `${tableOfSelector(object) === '' ? `${actionOf(object)} ` : ''}protocol ${object.protocol}`;
    case 'proxy-neighbour':
      return `protocol ${object.protocol}`;
    case 'bridge-vlan':
      return vlanFlags(object);
    case 'ovs-bridge':
      return ovsBridgeText(object);
    case 'ovs-port':
      return ovsPortText(object);
    case 'nft-set':
      return object.interval ? `${object.type} interval` : object.type;
    case 'nft-chain':
      return [hookOf(object), ...object.rules.map(rule => rule.comment)].join(' | ');
    case 'nft-element':
      return object.value ?? '';
    case 'address':
      return object.dynamic ? 'dynamic' : '';
    case 'fdb-entry':
    case 'nft-table':
      return '';
  }
}

/** One line for people: the key and the value. */
export function textOf(object: KernelObject): string {
  if (object.kind === 'nft-chain') return `${keyOf(object)} (${object.rules.length} rules)`;
  const value = contentOf(object);
  return value === ''
    ? keyOf(object)
    : `${keyOf(object)}${object.kind === 'nft-element' ? ' :' : ''} ${value}`;
}

export function vlanFlags({ pvid, untagged }: BridgeVlan): string {
  return [...(pvid ? ['pvid'] : []), ...(untagged ? ['untagged'] : [])].join(' ');
}

export function hookOf(chain: NftChain): string {
  const hook = chain.hook;
  return hook === undefined ? '' : `${hook.name} ${hook.priority} ${hook.policy}`;
}

/** Objects by key; of two with one key the later wins. */
export function byKey<T extends KernelObject>(objects: readonly T[]): Map<string, T> {
  return new Map(objects.map(object => [keyOf(object), object]));
}
