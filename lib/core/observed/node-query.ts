import { FAMILIES } from '../model/address.ts';
import { type Identity, VMNET_PROTOCOL } from '../model/identity.ts';
import type { Query } from './query.ts';

/** Everything on this node that carries a mark of ours, whoever wanted it, besides what `query` names. */
export function nodeQuery(query: Query, identity: Identity): Query {
  const protocols = [...new Set([VMNET_PROTOCOL, identity.routeProtocol])];
  return {
    ...query,
    links: 'all',
    routes: [
      ...query.routes,
      ...FAMILIES.flatMap(family => protocols.map(protocol => ({ family, protocol }))),
    ],
    proxies: [...query.proxies, { protocol: VMNET_PROTOCOL }],
  };
}
