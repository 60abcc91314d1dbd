import {
  type Address,
  contains,
  defaultPrefix,
  type Family,
  hostPrefix,
  type Prefix,
} from '../model/address.ts';
import type { Ifname } from '../model/ifname.ts';
import type { KernelObject, Route, Rule } from '../model/object.ts';
import type { LinkFacts, ProxyQuery, RouteQuery } from './query.ts';

/**
 * One line for `ip -N -d -j -batch` and what to make of the JSON array that it prints. -N keeps every number a number
 * whatever rt_tables, rt_protos and group say on this host. A filter's own field is left out of the output, so the
 * reader knows the question.
 */
export interface IpQuestion {
  readonly line: string;
  readonly read: (rows: readonly IpRow[]) => IpAnswer;
}

export interface IpAnswer {
  readonly objects: readonly KernelObject[];
  readonly links: readonly LinkFacts[];
}

/** What iproute2 prints; every field may be missing, whatever the version. */
export interface IpRow {
  readonly [field: string]: unknown;
}

export function routeQuestion(query: RouteQuery): IpQuestion {
  const words = [
    `route show table ${query.table ?? 'all'}`,
    ...(query.prefix === undefined ? [] : [query.prefix.text]),
    ...(query.dev === undefined ? [] : [`dev ${query.dev}`]),
    ...(query.protocol === undefined ? [] : [`protocol ${query.protocol}`]),
  ];
  return {
    line: words.join(' '),
    read: rows => ({ objects: rows.flatMap(row => routeObject(row, query)), links: [] }),
  };
}

/**
 * The same with one question for all prefixes of a table that one of them lies in: a NIC's own, its subnet and the
 * default. For each question of a batch the kernel tells all its routes, of which `ip` prints those that match.
 */
export function routeQuestions(queries: readonly RouteQuery[]): readonly IpQuestion[] {
  const byTable = Map.groupBy(queries, ({ family, table }) => `${family} ${table}`);
  return [...byTable.values()].flatMap(same => {
    const [narrow, ...wide] = same
      .flatMap(({ dev, prefix }) => (dev === undefined ? (prefix ?? []) : []))
      .toSorted((a, b) => b.length - a.length);
    const around = wide.filter(prefix => narrow !== undefined && contains(prefix, addressOf(narrow)));
    if (narrow === undefined || around.length === 0) return same.map(routeQuestion);
    const together = new Set([narrow, ...around]);
    const others = same.filter(
      ({ dev, prefix }) => dev !== undefined || prefix === undefined || !together.has(prefix),
    );
    return [...others.map(routeQuestion), matchQuestion(same[0]?.table, narrow, together)];
  });
}

function addressOf({ family, address }: Prefix): Address {
  return { family, text: address };
}

function matchQuestion(table: number | undefined, narrow: Prefix, asked: ReadonlySet<Prefix>): IpQuestion {
  const prefixes = new Set([...asked].map(prefix => prefix.text));
  const { family } = narrow;
  const { line, read } = routeQuestion({ family, ...(table === undefined ? {} : { table }) });
  return {
    line: `${line} match ${narrow.text}`,
    read: rows => read(rows.filter(row => prefixes.has(rowPrefix(text(row.dst), family).text))),
  };
}

export function ruleQuestion(family: Family): IpQuestion {
  return {
    line: 'rule show',
    read: rows => ({ objects: rows.flatMap(row => ruleObject(row, family)), links: [] }),
  };
}

export function proxyQuestion(query: ProxyQuery): IpQuestion {
  return {
    line: `neigh show proxy${proxyFilter(query)}`,
    read: rows => ({ objects: rows.flatMap(row => proxyObject(row, query)), links: [] }),
  };
}

function proxyFilter(query: ProxyQuery): string {
  if ('address' in query) return ` to ${query.address.text}`;
  if ('dev' in query) return ` dev ${query.dev}`;
  return query.protocol === 'any' ? '' : ` protocol ${query.protocol}`;
}

/** RTN_UNICAST and RTN_UNREACHABLE; other types are never vmnet's and never in its way. */
const ROUTE_TYPES: Readonly<Record<string, Route['type']>> = {
  '1': 'unicast',
  '7': 'unreachable',
  unicast: 'unicast',
  unreachable: 'unreachable',
};

function routeObject(row: IpRow, query: RouteQuery): Route[] {
  const type = ROUTE_TYPES[text(row.type) || '1'];
  if (type === undefined || familyOf(row) !== query.family) return [];
  // `unreachable` routes of IPv6 are printed with dev lo, which is no part of what was asked for.
  const dev = type === 'unreachable' ? '' : (query.dev ?? text(row.dev));
  const [via, of] = gatewayOf(row, query.family);
  return [
    {
      kind: 'route',
      table: query.table ?? (number(row.table) || 254),
      prefix: rowPrefix(text(row.dst), query.family),
      type,
      ...(dev === '' ? {} : { dev: dev as Ifname }),
      ...(via === '' ? {} : { via: { family: of, text: via } }),
      ...(row.prefsrc === undefined ? {} : { source: { family: query.family, text: text(row.prefsrc) } }),
      ...(via === '' || flagsOf(row).includes('onlink') ? {} : { near: true as const }),
      ...moreOf(row),
      metric: number(row.metric),
      protocol: query.protocol ?? number(row.protocol),
    },
  ];
}

/** An IPv4 route may have an IPv6 router (RFC 5549), which has a field of its own. */
function gatewayOf(row: IpRow, family: Family): readonly [string, Family] {
  const other = text((row.via as IpRow | undefined)?.host);
  return other === '' ? [text(row.gateway), family] : [other, other.includes(':') ? 6 : 4];
}

function flagsOf(row: IpRow): readonly string[] {
  return (row.flags as readonly string[] | undefined) ?? [];
}

/** Metrics (`mtu`, `advmss`, ...), preference among routers, and the time that is left. */
function moreOf(row: IpRow): Pick<Route, 'more'> {
  const metrics = ((row.metrics as readonly IpRow[] | undefined) ?? []).flatMap(Object.entries);
  const words = [
    ...metrics.filter(([, value]) => typeof value === 'number').map(([name, value]) => `${name} ${value}`),
    ...(row.pref === 'high' || row.pref === 'low' ? [`pref ${row.pref}`] : []),
    ...(number(row.expires) > 0 ? [`expires ${number(row.expires)}`] : []),
  ];
  return words.length === 0 ? {} : { more: words.join(' ') };
}

/** Asked for all tables, `ip` answers for both families; only IPv6 routes have a router preference. */
function familyOf(row: IpRow): Family {
  return row.pref === undefined && !text(row.dst).includes(':') ? 4 : 6;
}

function ruleObject(row: IpRow, family: Family): Rule[] {
  const action = ruleAction(row);
  if (action === undefined) return [];
  const from = text(row.src);
  const to = text(row.dst);
  return [
    {
      kind: 'rule',
      family,
      preference: number(row.priority),
      ...(row.fwmark === undefined ? {} : { fwmark: Number(row.fwmark) }),
      ...(from === '' || from === 'all' ? {} : { from: rowPrefix(from, family, row.srclen) }),
      ...(to === '' || to === 'all' ? {} : { to: rowPrefix(to, family, row.dstlen) }),
      ...(row.iif === undefined ? {} : { iif: text(row.iif) }),
      ...(isUdp(row) && row.dport !== undefined ? { udpPort: number(row.dport) } : {}),
      action,
      protocol: number(row.protocol),
    },
  ];
}

/** The second is what `ip -N` makes of a number. */
function isUdp({ ipproto }: IpRow): boolean {
  return ['udp', 'ipproto-17'].includes(text(ipproto));
}

function ruleAction(row: IpRow): Rule['action'] | undefined {
  if (row.goto !== undefined) return { do: 'goto', preference: number(row.goto) };
  if (row.nop !== undefined) return { do: 'nop' };
  if (row.l3mdev !== undefined) return { do: row.action === undefined ? 'l3mdev' : 'l3mdev unreachable' };
  if (row.action !== undefined)
    return ['6', 'blackhole'].includes(text(row.action)) ? { do: 'blackhole' } : undefined;
  const table = Number(row.table);
  return Number.isInteger(table) && table > 0 ? { do: 'lookup', table } : undefined;
}

function proxyObject(row: IpRow, query: ProxyQuery): KernelObject[] {
  const address = text(row.dst);
  const asked = 'protocol' in query ? query.protocol : 'any';
  const family: Family = address.includes(':') ? 6 : 4;
  const dev = ('dev' in query ? query.dev : text(row.dev)) as Ifname;
  return [
    {
      kind: 'proxy-neighbour',
      address: { family, text: address },
      dev,
      protocol: asked === 'any' ? number(row.protocol) : asked,
    },
  ];
}

function rowPrefix(dst: string, family: Family, bits?: unknown): Prefix {
  if (dst === 'default') return defaultPrefix(family);
  const [address = '', length] = dst.split('/');
  const given = length ?? (bits === undefined ? undefined : String(bits));
  if (given === undefined) return hostPrefix({ family, text: address });
  return { family, address, length: Number(given), text: `${address}/${given}` };
}

export function text(value: unknown): string {
  return value === undefined || value === null ? '' : String(value);
}

export function number(value: unknown): number {
  return value === undefined ? 0 : Number(value);
}
