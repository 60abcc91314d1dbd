import { moveTo } from '../desired/vrf.ts';
import { HOST_PROTOCOL, type Identity } from '../model/identity.ts';
import { byKey, type KernelObject, keyOf } from '../model/object.ts';
import { isMovable } from '../observed/host-scope.ts';
import type { Observed } from '../observed/query.ts';
import { joined } from './joined.ts';
import { withReachable } from './near.ts';
import type { Plan } from './plan.ts';
import { anewOf, planAnew } from './recreate.ts';
import { afterMove, calmed, movingPorts, namesOfVrfs } from './vrf-move.ts';

/** How links of the host come back to what they were; `found` is what of them there is now. */
export function planBack(
  found: readonly KernelObject[],
  was: readonly KernelObject[],
  now: Observed,
  identity: Identity,
): Plan {
  const there = byKey(now.objects);
  // A link that is made anew has the kernel's own sysctls, and none yet.
  const able = was.filter(object => object.kind !== 'sysctl' || there.has(keyOf(object)));
  const wanted = able.map(object =>
    isMovable(object) && !there.has(keyOf(object)) ? moveTo(object, object.table) : object,
  );
  const all = withReachable(wanted);
  const kept = byKey(all);
  const going = namesOfVrfs([
    ...found.filter(object => !kept.has(keyOf(object))),
    ...now.objects.filter(object => object.kind === 'link' && anewOf(all, now).has(object.ifname)),
  ]);
  const moving = movingPorts(all, now, going);
  const vrfs = namesOfVrfs(all);
  const joins = new Set(
    all.flatMap(object =>
      object.kind === 'link-setting' && object.setting === 'master' && vrfs.has(object.value)
        ? [object.ifname]
        : [],
    ),
  );
  const leaving = new Set([...moving].filter(port => !joins.has(port)));
  const back = [...all, ...ofOthers(now, leaving).filter(route => !kept.has(keyOf(route)))];
  const { steps } = planAnew(joined(afterMove(found, moving), back, now.links), back, now, identity);
  return { steps: calmed(steps, moving, now) };
}

/** What somebody has put beside the VRF's table since, which the links lose now as well. */
function ofOthers({ objects }: Observed, leaving: ReadonlySet<string>): readonly KernelObject[] {
  const tables = new Set(objects.flatMap(object => (object.kind === 'link' ? [object.table] : [])));
  return objects
    .filter(isMovable)
    .filter(
      ({ dev, table, protocol }) => leaving.has(dev) && !tables.has(table) && protocol !== HOST_PROTOCOL,
    );
}
