import type { Identity } from '../model/identity.ts';
import type { Ifname } from '../model/ifname.ts';
import { byKey, contentOf, type KernelObject, keyOf } from '../model/object.ts';
import type { Observed } from '../observed/query.ts';
import { type Plan, plan, type Step } from './plan.ts';

/** A difference that the kernel does not change in a link that is there. */
export interface Fixed {
  readonly object: KernelObject;
  readonly was: KernelObject;
}

/**
 * The differences that only a new link is without: its type and what it was made with, and of a bond the LACP rate, for
 * which it would have to be down, and a primary that is to be none, for which iproute2 has no words.
 */
export function fixedDifferences(wanted: readonly KernelObject[], observed: Observed): readonly Fixed[] {
  const found = byKey(observed.objects);
  return wanted.flatMap((object): Fixed[] => {
    const was = found.get(keyOf(object));
    if (was === undefined || !isFixed(object) || contentOf(was) === contentOf(object)) return [];
    return [{ object, was }];
  });
}

/** Of these differences those that somebody has to agree to, as the link is in use. */
export function inUse(differences: readonly Fixed[], observed: Observed): readonly Fixed[] {
  return differences.filter(({ object }) => !('ifname' in object && isIdle(object.ifname, observed)));
}

/**
 * A bond that is down and has no ports. Without `max_bonds=0` the module makes such a one when it is loaded, `bond0`, in a
 * mode that nobody asked for.
 */
function isIdle(ifname: Ifname, { links, objects }: Observed): boolean {
  const facts = links.get(ifname);
  if (facts === undefined || facts.type !== 'bond' || facts.up || facts.master !== undefined) return false;
  const isUsed = [...links.values()].some(({ master, parent }) => master === ifname || parent === ifname);
  return !isUsed && !objects.some(object => object.kind === 'address' && object.ifname === ifname);
}

/** The links that have to be made anew, and the VLANs on them, which the kernel takes along; those in use only if so said. */
export function anewOf(
  wanted: readonly KernelObject[],
  observed: Observed,
  recreate = true,
): ReadonlySet<Ifname> {
  const all = fixedDifferences(wanted, observed);
  const used = new Set(recreate ? [] : inUse(all, observed));
  const anew = new Set(
    all.flatMap(one => (!used.has(one) && 'ifname' in one.object ? [one.object.ifname] : [])),
  );
  // A set that grows while it is walked is walked to its new end.
  for (const name of anew)
    for (const { ifname, parent } of observed.links.values()) if (parent === name) anew.add(ifname);
  return anew;
}

/** The plan that takes these links away first, and then finds nothing of what was on them. */
export function planAnew(
  found: readonly KernelObject[],
  wanted: readonly KernelObject[],
  observed: Observed,
  identity: Identity,
  anew = anewOf(wanted, observed),
): Plan {
  const away: Step[] = observed.objects.flatMap(object =>
    object.kind === 'link' && anew.has(object.ifname) ? [{ op: 'delete', object }] : [],
  );
  const { steps } = plan(withoutLinks(found, anew), wanted, identity);
  return { steps: [...away, ...steps] };
}

/** What was observed, as it will be when these links are gone: a port of theirs is none then, and down if of a bond. */
function withoutLinks(objects: readonly KernelObject[], gone: ReadonlySet<Ifname>): readonly KernelObject[] {
  const released = new Set(
    objects.flatMap(object =>
      object.kind === 'link-setting' && object.setting === 'master' && gone.has(object.value as Ifname)
        ? [object.ifname]
        : [],
    ),
  );
  return objects.filter(object => {
    if (object.kind === 'route') return object.dev === undefined || !gone.has(object.dev);
    if (object.kind === 'link-setting' && released.has(object.ifname)) return false;
    return !('ifname' in object) || !gone.has(object.ifname);
  });
}

function isFixed(object: KernelObject): boolean {
  if (object.kind === 'link') return true;
  if (object.kind !== 'link-setting') return false;
  return object.setting === 'lacp_rate' || (object.setting === 'primary' && object.value === 'none');
}
