import { FAMILIES, isLinkLocal } from '../model/address.ts';
import type { HostRecord, Remembered } from '../model/host-record.ts';
import { HOST_PROTOCOL } from '../model/identity.ts';
import type { Ifname } from '../model/ifname.ts';
import { type KernelObject, keyOf } from '../model/object.ts';
import { type Observed, type Query, queryOf } from './query.ts';

/** All links, as one may be in the way of another; all routes of the host's, and who else has one to the same prefix. */
export function hostQuery(objects: readonly KernelObject[], names: Iterable<Ifname>): Query {
  const { routes, sysctls } = queryOf(objects, { taps: [], carriers: [] });
  return {
    links: 'all',
    routes: [
      ...routes,
      ...FAMILIES.map(family => ({ family, protocol: HOST_PROTOCOL })),
      ...FAMILIES.flatMap(family => [...names].map(dev => ({ family, dev }))),
    ],
    proxies: [],
    sysctls,
    rules: false,
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
    if (object.kind !== 'link' && object.kind !== 'address') return false;
    return made.has(keyOf(object)) && isSame(record, object.ifname, links);
  };
}

/** Of a run that was interrupted, the record has a link without the index that it was to get. */
export function isSame(record: HostRecord | undefined, ifname: Ifname, links: Observed['links']): boolean {
  const index = record?.links[ifname];
  return index === undefined || index === links.get(ifname)?.ifindex;
}

/** RTPROT_KERNEL and RTPROT_RA: they come back with the address, and with the router's next advertisement. */
const OF_THE_KERNEL = [2, 9];

/** What goes when a link goes down or away, and what an undo therefore has to know: given addresses, and routes. */
export function isLost(names: ReadonlySet<string>): (object: KernelObject) => object is Remembered {
  return (object): object is Remembered => {
    if (object.kind === 'address') return names.has(object.ifname) && !isLinkLocal(object.address);
    return (
      object.kind === 'route' &&
      object.dev !== undefined &&
      names.has(object.dev) &&
      !OF_THE_KERNEL.includes(object.protocol) &&
      object.table !== 255
    );
  };
}
