import { FAMILIES, type Family } from '../model/address.ts';
import type { Ifname } from '../model/ifname.ts';
import type { Mac } from '../model/mac.ts';
import type { IpRow } from '../observed/ip.ts';

/** Least preferred of all routes, and what iproute2's and every other manual on VRFs uses: 4278198272. */
export const LAST_RESORT_METRIC = 0xff002000;
export const MAIN_TABLE = 254;
export const LOCAL_TABLE = 255;

/** What `ip` says of this network namespace, as far as VRFs go. */
export interface World {
  readonly links: readonly WorldLink[];
  readonly rules: Readonly<Record<Family, readonly WorldRule[]>>;
  readonly defaults: Readonly<Record<Family, readonly DefaultRoute[]>>;
}

export interface WorldLink {
  readonly name: Ifname;
  readonly ifindex: number;
  readonly mac: Mac;
  readonly up: boolean;
  readonly master?: string;
  /** The table of a VRF; absent for all other links. */
  readonly table?: number;
  readonly addresses: readonly WorldAddress[];
}

export interface WorldAddress {
  readonly family: Family;
  readonly text: string;
  readonly length: number;
  /** RT_SCOPE_UNIVERSE: neither link-local nor of a loopback. */
  readonly global: boolean;
}

export interface WorldRule {
  readonly preference: number;
  /** `l3mdev` is the kernel's rule for all VRFs: each looks up its own table. */
  readonly table: number | 'l3mdev';
  /** It has conditions (from, iif, fwmark ...), so that it is not for every packet. */
  readonly narrow: boolean;
}

export interface DefaultRoute {
  readonly table: number;
  readonly unreachable: boolean;
  readonly metric: number;
  readonly dev?: string;
  readonly gateway?: string;
}

/** Rows of `ip -N -d -j address show`, and of `rule show` and `route show table all` of each family. */
export interface WorldRows {
  readonly links: readonly IpRow[];
  readonly rules: Readonly<Record<Family, readonly IpRow[]>>;
  readonly routes: Readonly<Record<Family, readonly IpRow[]>>;
}

export function readWorld(rows: WorldRows): World {
  return {
    links: rows.links.map(linkOf),
    rules: perFamily(family => rows.rules[family].flatMap(ruleOf)),
    defaults: perFamily(family => rows.routes[family].flatMap(row => defaultsOf(row))),
  };
}

export function perFamily<T>(value: (family: Family) => T): Readonly<Record<Family, T>> {
  return { 4: value(4), 6: value(6) };
}

/** A VRF as `vmnet vrf list` shows it. */
export interface Vrf extends WorldLink {
  readonly table: number;
  readonly ports: readonly WorldLink[];
  readonly defaults: Readonly<Record<Family, readonly DefaultRoute[]>>;
}

export function vrfsOf(world: World): readonly Vrf[] {
  return world.links.flatMap(link => {
    const { table } = link;
    if (table === undefined) return [];
    const ports = world.links.filter(({ master }) => master === link.name);
    const defaults = perFamily(family => world.defaults[family].filter(route => route.table === table));
    return [{ ...link, table, ports, defaults }];
  });
}

/** In a few words: `10.0.0.1 dev eth0`, `unreachable`; in the order in which the kernel prefers them. */
export function defaultWords(routes: readonly DefaultRoute[]): readonly string[] {
  return [...routes]
    .sort((a, b) => a.metric - b.metric)
    .map(({ unreachable, gateway, dev }) => {
      if (unreachable) return 'unreachable';
      return [gateway, dev === undefined ? undefined : `dev ${dev}`]
        .filter(word => word !== undefined)
        .join(' ');
    });
}

function linkOf(row: IpRow): WorldLink {
  const info = row.linkinfo as IpRow | undefined;
  const table = info?.info_kind === 'vrf' ? Number((info.info_data as IpRow | undefined)?.table) : undefined;
  const flags = (row.flags as readonly string[] | undefined) ?? [];
  return {
    name: String(row.ifname) as Ifname,
    ifindex: Number(row.ifindex),
    mac: String(row.address) as Mac,
    up: flags.includes('UP'),
    ...(row.master === undefined ? {} : { master: String(row.master) }),
    ...(table === undefined ? {} : { table }),
    addresses: ((row.addr_info as readonly IpRow[] | undefined) ?? []).flatMap(addressOf),
  };
}

function addressOf(row: IpRow): WorldAddress[] {
  if (row.local === undefined) return [];
  const family = FAMILIES.find(one => row.family === (one === 4 ? 'inet' : 'inet6'));
  if (family === undefined) return [];
  const global = row.scope === '0' || row.scope === 'global';
  return [{ family, text: String(row.local), length: Number(row.prefixlen), global }];
}

const CONDITIONS = [
  'srclen',
  'dstlen',
  'iif',
  'oif',
  'fwmark',
  'ipproto',
  'sport',
  'dport',
  'uid_start',
  'tos',
  'not',
];

function ruleOf(row: IpRow): WorldRule[] {
  const table = 'l3mdev' in row && row.table === undefined ? 'l3mdev' : Number(row.table);
  // Rules that look nothing up (goto, unreachable) have no table.
  if (table !== 'l3mdev' && Number.isNaN(table)) return [];
  const narrow = row.src !== 'all' || CONDITIONS.some(name => name in row);
  return [{ preference: Number(row.priority), table, narrow }];
}

/** A default route; of one with several next hops, each of them. */
function defaultsOf(row: IpRow): DefaultRoute[] {
  if (row.dst !== 'default') return [];
  const unreachable = row.type === '7' || row.type === 'unreachable';
  const base = { table: Number(row.table ?? MAIN_TABLE), unreachable, metric: Number(row.metric ?? 0) };
  if (unreachable) return [base];
  const hops = (row.nexthops as readonly IpRow[] | undefined) ?? [row];
  return hops.map(hop => ({ ...base, ...textAs('dev', hop.dev), ...textAs('gateway', gatewayOf(hop)) }));
}

function gatewayOf(hop: IpRow): unknown {
  return hop.gateway ?? (hop.via as IpRow | undefined)?.host;
}

function textAs<K extends string>(key: K, value: unknown): { readonly [P in K]?: string } {
  if (value === undefined) return {};
  const property: { [P in string]: string } = { [key]: String(value) };
  return property as { readonly [P in K]?: string };
}
