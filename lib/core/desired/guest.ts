import { type Address, contains, type Family, hostPrefix, linkLocal, type Prefix } from '../model/address.ts';
import type { Settings } from '../model/config.ts';
import type { Mac } from '../model/mac.ts';
import type { Nic } from '../model/network.ts';
import type { MacPrefix } from '../model/policy.ts';

/** On a bridge and in a VRF there is no table that a mark could select; this one says that the chain of the tap let it pass. */
export const PASSED = 0x766d_6e74;

/** The link group of bridged taps. */
const BRIDGED_GROUP = 0x766d;

/** The link group of a tap; the kernel puts no link into one by itself. */
export function groupOf(nic: Nic): number {
  return nic.mode === 'routed' ? nic.network.group : BRIDGED_GROUP;
}

/** A guest as its filter sees it. */
export interface Guest {
  readonly mac?: Mac;
  readonly macPrefix?: MacPrefix;
  /** The VLANs whose tags it may send. */
  readonly tags: readonly number[];
  /** What its packets are marked with. */
  readonly marks: Readonly<Record<Family, number>>;
  /** What it may send from: `any` but the routers' where nobody knows and the configuration lets it, empty for a family that it lacks. */
  readonly own: Readonly<Record<Family, readonly Prefix[] | 'any'>>;
  /** `any` but the routers'. */
  readonly linkLocal: Address | 'any' | undefined;
  /** Of both families, as far as they are known. */
  readonly routers: readonly Address[];
}

export function guestOf(nic: Nic, settings: Settings): Guest {
  const { mac } = nic.request;
  const { macPrefix, linkLocal: level } = nic.policy;
  return {
    ...(mac === undefined ? {} : { mac }),
    ...(macPrefix === undefined ? {} : { macPrefix }),
    tags: nic.mode === 'routed' ? [] : (nic.vlans?.tagged ?? []),
    marks: marksOf(nic),
    own: { 4: ownOf(nic, 4), 6: ownOf(nic, 6) },
    linkLocal: level === 'any' ? 'any' : mac === undefined ? undefined : linkLocal(mac),
    routers: routersOf(nic, settings),
  };
}

function ownOf(nic: Nic, family: Family): readonly Prefix[] | 'any' {
  const own = [
    ...nic.addresses.filter(address => address.family === family).map(hostPrefix),
    ...nic.policy.allowed.filter(prefix => prefix.family === family),
  ];
  // nft takes no set in which one interval lies within another.
  const outer = own.filter(
    (prefix, i) =>
      !own.some((other, j) => i !== j && covers(other, prefix) && (!covers(prefix, other) || j < i)),
  );
  const unknown = own.length === 0 && nic.mode !== 'routed' && nic.policy.unknownFamily === 'allow';
  return unknown ? 'any' : outer;
}

function covers(outer: Prefix, inner: Prefix): boolean {
  return outer.length <= inner.length && contains(outer, { family: inner.family, text: inner.address });
}

function marksOf(nic: Nic): Guest['marks'] {
  if (nic.mode !== 'routed' || nic.network.vrf !== undefined) return { 4: PASSED, 6: PASSED };
  const mark = (family: Family): number =>
    (nic.network.families.find(entry => entry.family === family) ?? nic.network.families[0])?.table ?? 0;
  return { 4: mark(4), 6: mark(6) };
}

/** A guest with these would be its neighbours' router, or its own. */
export function routersOf(nic: Nic, settings: Settings): readonly Address[] {
  const gateways =
    nic.mode === 'routed' ? nic.network.families.flatMap(entry => entry.gateway ?? []) : nic.gateways;
  return [linkLocal(settings.tapMac), ...gateways];
}
