import { contains, isLinkLocal, parsePrefix } from '../model/address.ts';
import type { KernelObject, LinkAddress, Route } from '../model/object.ts';

/**
 * Routes as the kernel takes them: with `onlink` where the gateway is in the subnet of no address any more that their link
 * is to have. The kernel looks only when a route is made, and one that stands outlives the address that let it.
 */
export function withReachable(objects: readonly KernelObject[]): readonly KernelObject[] {
  const addresses = Map.groupBy(
    objects.filter(object => object.kind === 'address'),
    ({ ifname }) => ifname,
  );
  return objects.map(object => {
    if (object.kind !== 'route' || object.near !== true || object.dev === undefined) return object;
    if (isNear(object, addresses.get(object.dev) ?? [])) return object;
    const { near: _, ...route } = object;
    return route;
  });
}

function isNear({ via }: Route, addresses: readonly LinkAddress[]): boolean {
  if (via === undefined || isLinkLocal(via)) return true;
  return addresses.some(({ address, length }) => contains(parsePrefix(`${address.text}/${length}`, ''), via));
}
