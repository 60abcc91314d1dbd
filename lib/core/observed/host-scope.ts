import { contains, FAMILIES, isLinkLocal } from '../model/address.ts';
import type { HostRecord, Remembered } from '../model/host-record.ts';
import { HOST_PROTOCOL, VRF_PREFERENCES } from '../model/identity.ts';
import type { Ifname } from '../model/ifname.ts';
import { LOCAL_TABLE } from '../model/network.ts';
import { type KernelObject, keyOf, type Route, type Rule } from '../model/object.ts';
import { type Observed, type Query, queryOf } from './query.ts';

/** All links, as one may be in the way of another; all routes of the host's, and who else has one to the same prefix. */
export function hostQuery(
  objects: readonly KernelObject[],
  names: Iterable<Ifname>,
  tables: readonly number[] = [],
): Query {
  const { routes, sysctls } = queryOf(objects, { taps: [], carriers: [] });
  const devices = objects.flatMap(object => (object.kind === 'route' ? (object.dev ?? []) : []));
  return {
    links: 'all',
    routes: [
      ...routes,
      ...FAMILIES.map(family => ({ family, protocol: HOST_PROTOCOL })),
      ...FAMILIES.flatMap(family => [...new Set([...names, ...devices])].map(dev => ({ family, dev }))),
      ...FAMILIES.flatMap(family => tables.map(table => ({ family, table }))),
    ],
    proxies: [],
    sysctls,
    rules: true,
    nft: [],
    fdb: [],
    // One that was made may be no longer said.
    ovs: objects.some(({ kind }) => kind === 'ovs-bridge') ? 'all' : 'any',
  };
}

/** Whether vmnet made a link or an address, by the record, as long as the link is the one that the record is about. */
export function isMade(
  record: HostRecord | undefined,
  { links }: Observed,
): (object: KernelObject) => boolean {
  const made = new Set(record?.made ?? []);
  return object => {
    if (object.kind === 'route') return object.protocol === HOST_PROTOCOL;
    if (object.kind === 'ovs-bridge') return object.made === true;
    if (object.kind === 'ovs-port') return object.ofHost === true;
    if (object.kind === 'rule') return made.has(keyOf(object));
    if (object.kind !== 'link' && object.kind !== 'address') return false;
    return made.has(keyOf(object)) && isSame(record, object.ifname, links);
  };
}

/** Of a run that was interrupted, the record has a link without the index that it was to get. */
export function isSame(record: HostRecord | undefined, ifname: Ifname, links: Observed['links']): boolean {
  const index = record?.links[ifname];
  return index === undefined || index === links.get(ifname)?.ifindex;
}

/** RTPROT_KERNEL: it comes back with the address. */
const OF_THE_KERNEL = 2;
/** What the kernel gives to a route to an address's subnet; NetworkManager makes them itself, with another. */
const OWN_METRIC = { 4: 0, 6: 256 };

/** A route that the kernel does not bring back when its link was set down and up. */
export function isMovable(object: KernelObject): object is Route & { readonly dev: Ifname } {
  if (object.kind !== 'route' || object.dev === undefined || object.table === LOCAL_TABLE) return false;
  return object.protocol !== OF_THE_KERNEL || !(object.ofAddress === true || isOwnMetric(object));
}

/** Says of the routes to subnets of addresses which ones the kernel has made by itself, though with another metric. */
export function withOwnSubnets(objects: readonly KernelObject[]): readonly KernelObject[] {
  const addresses = objects.filter(object => object.kind === 'address' && object.metric !== undefined);
  if (addresses.length === 0) return objects;
  return objects.map(route => {
    if (route.kind !== 'route' || route.protocol !== OF_THE_KERNEL) return route;
    const isOwn = addresses.some(
      one =>
        one.kind === 'address' &&
        one.ifname === route.dev &&
        one.metric === route.metric &&
        one.length === route.prefix.length &&
        contains(route.prefix, one.address),
    );
    return isOwn ? { ...route, ofAddress: true } : route;
  });
}

function isOwnMetric({ prefix, metric }: Route): boolean {
  return metric === OWN_METRIC[prefix.family] || prefix.address.startsWith('f');
}

/** What goes when a link goes down or away, and what an undo therefore has to know: given addresses, and routes. */
export function isLost(names: ReadonlySet<string>): (object: KernelObject) => object is Remembered {
  return (object): object is Remembered => {
    if (object.kind === 'address') return names.has(object.ifname) && !isLinkLocal(object.address);
    return isMovable(object) && names.has(object.dev);
  };
}

/** A rule for the renewals of a lease whose VRF is no more: the hook that made it is not called again. */
export function isOldRenewal(object: KernelObject, vrfTables: ReadonlySet<number | undefined>): boolean {
  if (object.kind !== 'rule' || object.preference !== VRF_PREFERENCES.renewal) return false;
  return object.action.do === 'lookup' && !vrfTables.has(object.action.table);
}

/** While it is there, an address of the host is local to every VRF. */
export function isLocalFirst({ preference, action, from }: Rule): boolean {
  const { localFirst } = VRF_PREFERENCES;
  return (
    preference === localFirst && from === undefined && action.do === 'lookup' && action.table === LOCAL_TABLE
  );
}
