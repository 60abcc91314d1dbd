// What the kernel of one namespace has, as lines to compare before and after.
import { must, type Place } from './command.ts';

export interface State {
  readonly links: readonly string[];
  readonly addresses: readonly string[];
  readonly rules: readonly string[];
  readonly routes: readonly string[];
  readonly proxyNeighbours: readonly string[];
  readonly nft: readonly string[];
}

type Json = Readonly<Record<string, unknown>>;

/**
 * Links (group, MTU, master, MAC, state), addresses, rules, routes of all tables, proxy neighbours and nftables,
 * each sorted and without what changes by itself: indexes, handles, counters, the order of a set.
 */
export async function stateOf(place: Place): Promise<State> {
  const [links, rules4, rules6, routes4, routes6, proxy4, proxy6, nft] = await Promise.all([
    ipJson(place, 'address', 'show'),
    ipJson(place, '-4', 'rule', 'show'),
    ipJson(place, '-6', 'rule', 'show'),
    ipJson(place, '-4', 'route', 'show', 'table', 'all'),
    ipJson(place, '-6', 'route', 'show', 'table', 'all'),
    ipJson(place, '-4', 'neighbour', 'show', 'proxy'),
    ipJson(place, '-6', 'neighbour', 'show', 'proxy'),
    must(['ip', 'netns', 'exec', place.ns, 'nft', '-j', 'list', 'ruleset']),
  ]);
  return {
    links: links.map(linkLine).sort(),
    addresses: links.flatMap(addressLines).sort(),
    rules: [...rules4.map(rule => `4 ${line(rule)}`), ...rules6.map(rule => `6 ${line(rule)}`)].sort(),
    routes: [...routes4, ...routes6].map(line).sort(),
    proxyNeighbours: [...proxy4, ...proxy6].map(line).sort(),
    nft: nftLines(JSON.parse(nft)),
  };
}

async function ipJson(place: Place, ...args: string[]): Promise<readonly Json[]> {
  const text = await must(['ip', '-n', place.ns, '-j', '-N', '-d', ...args]);
  return text.trim() === '' ? [] : JSON.parse(text);
}

function linkLine(link: Json): string {
  const { ifname, group, mtu, master, address, flags } = link;
  const up = Array.isArray(flags) && flags.includes('UP');
  return line({ ifname, group, mtu, master, address, up });
}

function addressLines(link: Json): readonly string[] {
  const found = Array.isArray(link.addr_info) ? (link.addr_info as Json[]) : [];
  return found.map(({ local, prefixlen }) => `${link.ifname} ${local}/${prefixlen}`);
}

function nftLines(output: { readonly nftables: readonly Json[] }): readonly string[] {
  return output.nftables
    .filter(entry => !('metainfo' in entry))
    .map(entry => JSON.stringify(strip(entry)))
    .sort();
}

/** Elements of a set come in any order; those of a rule's expression mean something. */
function strip(value: unknown, key = ''): unknown {
  if (Array.isArray(value)) {
    const items = value.map(item => strip(item));
    return key === 'elem' ? items.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)) : items;
  }
  if (typeof value !== 'object' || value === null) return value;
  const kept = Object.entries(value).filter(([name]) => !VOLATILE.has(name));
  return Object.fromEntries(kept.map(([name, inner]) => [name, strip(inner, name)]));
}

const VOLATILE = new Set(['handle', 'packets', 'bytes', 'expires', 'used', 'age']);

function line(object: Json): string {
  const kept = Object.entries(object).filter(([name, value]) => value !== undefined && !VOLATILE.has(name));
  return kept
    .map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
    .join(' ');
}
