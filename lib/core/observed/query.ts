import type { Address, Family, Prefix } from '../model/address.ts';
import type { Ifname } from '../model/ifname.ts';
import type { Mac } from '../model/mac.ts';
import type { KernelObject } from '../model/object.ts';

/** What to read of the kernel: one NIC's surroundings cost the same at one NIC and at a thousand. */
export interface Query {
  readonly links: readonly Ifname[] | 'all';
  readonly routes: readonly RouteQuery[];
  readonly proxies: readonly ProxyQuery[];
  readonly sysctls: readonly string[];
  readonly rules: boolean;
  readonly nft: boolean;
}

/** Filters that the kernel or `ip` applies; without a table, all tables. */
export interface RouteQuery {
  readonly family: Family;
  readonly table?: number;
  readonly dev?: Ifname;
  readonly prefix?: Prefix;
  readonly unreachable?: true;
  readonly protocol?: number;
}

/** Proxy neighbours for one address, or all with one protocol. */
export type ProxyQuery = { readonly address: Address } | { readonly protocol: number };

/** The kernel as it was read: objects in the same type as the desired ones, and facts that nobody sets. */
export interface Observed {
  readonly objects: readonly KernelObject[];
  readonly links: ReadonlyMap<string, LinkFacts>;
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
  /** IPv6 link-local address, once it is there. */
  readonly linkLocal?: Address;
}

/** What must be read so that these objects can be compared, and these links be known. */
export function queryOf(objects: readonly KernelObject[], links: readonly Ifname[]): Query {
  const routes = new Map<string, RouteQuery>();
  const proxies = new Map<string, ProxyQuery>();
  const ifnames = new Set(links);
  const sysctls = new Set<string>();
  for (const object of objects) {
    if (object.kind === 'link-setting') ifnames.add(object.ifname);
    if (object.kind === 'sysctl') sysctls.add(object.path);
    if (object.kind === 'proxy-neighbour') proxies.set(object.address.text, { address: object.address });
    for (const query of routeQueries(object)) routes.set(JSON.stringify(query), query);
  }
  return {
    links: [...ifnames],
    routes: [...routes.values()],
    proxies: [...proxies.values()],
    sysctls: [...sysctls],
    rules: true,
    nft: true,
  };
}

/** By device finds what this device carries too much, by prefix who else holds an address or a subnet. */
function routeQueries(object: KernelObject): readonly RouteQuery[] {
  if (object.kind !== 'route') return [];
  const at = { family: object.prefix.family, table: object.table };
  if (object.dev === undefined) return [{ ...at, unreachable: true }];
  return [
    { ...at, dev: object.dev },
    { ...at, prefix: object.prefix },
  ];
}
