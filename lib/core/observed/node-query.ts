import { FAMILIES } from '../model/address.ts';
import { type Identity, VMNET_PROTOCOL } from '../model/identity.ts';
import { CHAIN_NAMES, type Query } from './query.ts';

/** Everything on this node that carries a mark of ours, whoever wanted it, besides what `query` names. */
export function nodeQuery(query: Query, identity: Identity): Query {
  const protocols = [...new Set([VMNET_PROTOCOL, ...identity.routeProtocols])];
  return {
    ...query,
    links: 'all',
    ovs: 'any',
    routes: [
      ...query.routes,
      ...FAMILIES.flatMap(family => protocols.map(protocol => ({ family, protocol }))),
    ],
    proxies: [{ protocol: 'any' }],
    // First: of two answers about one chain the later counts.
    nft: [CHAIN_NAMES, ...query.nft],
  };
}

/**
 * The same for many NICs at once: each table, the links and the proxy neighbours are read whole, once, where a question
 * for each NIC would go through all the others' every time.
 */
export function bulkQuery(query: Query): Query {
  const tables = query.routes.map(({ family, table }) => ({
    family,
    ...(table === undefined ? {} : { table }),
  }));
  const routes = [...new Map(tables.map(route => [JSON.stringify(route), route])).values()];
  const { elementsOf: _, ...rest } = query;
  const vlans = rest.vlans === undefined ? {} : { vlans: 'all' as const };
  return { ...rest, ...vlans, links: 'all', routes, proxies: [{ protocol: 'any' }] };
}
