// Answers a query from the kernel in memory, with the filters of `ip`.
import { isLinkLocal } from '../../../lib/core/model/address.ts';
import {
  NFT_FAMILIES,
  NFT_TABLE,
  type NftChain,
  type NftElement,
  type NftFamily,
  type NftSet,
  type NftTable,
} from '../../../lib/core/model/nft.ts';
import { byKey, type KernelObject, type LinkSetting } from '../../../lib/core/model/object.ts';
import type {
  LinkFacts,
  NftQuery,
  Observed,
  ProxyQuery,
  Query,
  RouteQuery,
} from '../../../lib/core/observed/query.ts';
import { DEFAULT_PVID, portsOf } from './ports.ts';
import type { KernelState, Link, Table } from './state.ts';

export function observe(state: KernelState, query: Query): Observed {
  const links = [...state.links.values()];
  const objects: KernelObject[] = [
    ...links.flatMap(link => linkObjects(state, link)),
    ...state.routes,
    ...state.rules,
    ...state.proxies,
    ...state.fdb,
    ...state.ovs.values(),
    ...state.ovsBridges.values(),
    ...nftObjects(state),
    ...[...state.sysctls].map(([path, value]): KernelObject => ({ kind: 'sysctl', path, value })),
  ];
  const asked = links.filter(link => query.links === 'all' || query.links.includes(link.ifname));
  return {
    objects: [...byKey(objects.filter(object => selected(query, object))).values()],
    links: new Map(asked.map(link => [link.ifname, factsOf(state, link)])),
    ...(query.ovs === undefined ? {} : { ovsBridges: [...state.ovsBridges.keys()] }),
    ...(query.vlans === undefined ? {} : { vlanLinks: state.vlanLinks }),
  };
}

function linkObjects(state: KernelState, link: Link): KernelObject[] {
  const setting = (name: LinkSetting['setting'], value: string): LinkSetting => ({
    kind: 'link-setting',
    ifname: link.ifname,
    setting: name,
    value,
  });
  const keeps = link.macWasSet || portsOf(state, link.ifname).some(port => port.mac < 'fa');
  const { ifname, type, fixed } = link;
  return [
    { kind: 'link', ifname, type, ...fixed },
    setting('group', String(link.group)),
    setting('mac', link.mac),
    setting('mtu', String(link.mtu)),
    {
      ...setting('master', link.master ?? 'none'),
      ...(state.links.get(link.master ?? '')?.type === 'bond' ? { restart: 'up' as const } : {}),
    },
    setting('state', link.up ? 'up' : 'down'),
    ...[...link.vlans].map(([id, flags]) => ({
      kind: 'bridge-vlan' as const,
      ifname: link.ifname,
      id,
      ...flags,
    })),
    ...[...link.port].map(([name, value]) => setting(name, value)),
    ...(link.type === 'bridge' ? [setting('own-mac', keeps ? link.mac : 'adopted')] : []),
    ...[...link.own].map(([name, value]) => setting(name, value)),
    ...state.addresses.filter(one => one.ifname === link.ifname),
  ];
}

function factsOf(state: KernelState, link: Link): LinkFacts {
  const local = state.addresses.find(one => one.ifname === link.ifname && isLinkLocal(one.address));
  const { ifname, ifindex, mac, mtu, up, group, master, type, filtering } = link;
  return {
    ...{ ifname, ifindex, mac, mtu, up, group, type },
    ...(master === undefined ? {} : { master }),
    ...(link.fixed.parent === undefined ? {} : { parent: link.fixed.parent }),
    ...(type === 'bridge'
      ? { bridgeVlans: { filtering, protocol: '802.1Q', defaultPvid: DEFAULT_PVID } }
      : {}),
    ...(local === undefined ? {} : { linkLocal: local.address }),
  };
}

/** Whether a query asks for an object: what `ip` filters, for who has them all. */
export function selected(query: Query, object: KernelObject): boolean {
  switch (object.kind) {
    case 'link':
    case 'link-setting':
    case 'address':
      return query.links === 'all' || query.links.includes(object.ifname);
    case 'fdb-entry':
      return query.fdb.includes(object.ifname);
    case 'ovs-port':
      return typeof query.ovs === 'string' || query.ovs?.includes(object.ifname) === true;
    case 'ovs-bridge':
      return query.ovs !== undefined;
    case 'bridge-vlan':
      return query.vlans === 'all' || query.vlans?.includes(object.ifname) === true;
    case 'route':
      return query.routes.some(one => matches(one, object));
    case 'rule':
      return query.rules;
    case 'proxy-neighbour':
      return query.proxies.some(one => matchesProxy(one, object));
    case 'sysctl':
      return query.sysctls.includes(object.path);
    default:
      return query.nft.some(one => asksFor(one, object));
  }
}

function asksFor(query: NftQuery, object: NftTable | NftSet | NftChain | NftElement): boolean {
  if (query.family !== object.family) return false;
  if ('there' in query) return object.kind === 'nft-table';
  if (!('chain' in query)) return true;
  return object.kind === 'nft-table' || (object.kind === 'nft-chain' && object.chain === query.chain);
}

function matches(query: RouteQuery, route: KernelState['routes'][number]): boolean {
  return (
    query.family === route.prefix.family &&
    (query.table === undefined || query.table === route.table) &&
    (query.dev === undefined || query.dev === route.dev) &&
    (query.prefix === undefined || query.prefix.text === route.prefix.text) &&
    (query.protocol === undefined || query.protocol === route.protocol)
  );
}

function matchesProxy(query: ProxyQuery, proxy: KernelState['proxies'][number]): boolean {
  if ('address' in query) return query.address.text === proxy.address.text;
  if ('dev' in query) return query.dev === proxy.dev;
  return query.protocol === 'any' || query.protocol === proxy.protocol;
}

function nftObjects(state: KernelState): KernelObject[] {
  return NFT_FAMILIES.flatMap(family => {
    const table = state.nft.get(`${family} ${NFT_TABLE}`);
    return table === undefined ? [] : tableObjects(table, family);
  });
}

function tableObjects(table: Table, family: NftFamily): KernelObject[] {
  return [
    { kind: 'nft-table', family },
    ...[...table.sets].flatMap(([set, { type, interval, elements }]): KernelObject[] => [
      { kind: 'nft-set', family, set, type, ...(interval ? { interval: true as const } : {}) },
      ...[...elements.values()].map(one => ({ kind: 'nft-element' as const, family, set, ...one })),
    ]),
    ...[...table.chains].map(
      ([chain, { hook, rules }]): KernelObject => ({
        kind: 'nft-chain',
        family,
        chain,
        ...(hook === undefined ? {} : { hook }),
        // The kernel knows a rule's text; who reads it back does not rely on how nft prints it.
        rules: rules.map(({ comment }) => ({ text: '', comment })),
      }),
    ),
  ];
}
