import { hostObjects, namesOf, settingObjects } from '../core/desired/host.ts';
import type { Settings as LinkSettings } from '../core/desired/host-settings.ts';
import { isLinkLocal } from '../core/model/address.ts';
import type { Settings } from '../core/model/config.ts';
import { enslaved, type HostSections, hostLinks } from '../core/model/host-links.ts';
import { type HostRecord, nameOf, type Remembered } from '../core/model/host-record.ts';
import { identityOf } from '../core/model/identity.ts';
import type { Ifname } from '../core/model/ifname.ts';
import { byKey, type KernelObject, keyOf } from '../core/model/object.ts';
import { hostQuery, isLost, isMade, isSame } from '../core/observed/host-scope.ts';
import type { Observed, Query } from '../core/observed/query.ts';
import { type Plan, plan, type Step } from '../core/plan/plan.ts';
import { anewOf, withoutLinks } from '../core/plan/recreate.ts';

/** What is to become of the host's own links: what the file says, or nothing. */
export interface HostGoal {
  /** None when they are taken down. */
  readonly sections?: HostSections;
  /** What an earlier run wrote down. */
  readonly record?: HostRecord;
  /** Links that differ in what they have from when they are made are made anew. */
  readonly recreate: boolean;
}

const NOTHING: Observed = { objects: [], links: new Map() };

export function hostGoalQuery(goal: HostGoal): Query {
  const named = goal.sections === undefined ? [] : namesOf(goal.sections);
  const before = goal.record?.before ?? [];
  const names = new Set([...named, ...before.map(nameOf)] as Ifname[]);
  return hostQuery([...hostWanted(goal, NOTHING), ...before], names);
}

export function hostGoalPlan(goal: HostGoal, observed: Observed, settings: Settings): Plan {
  const wanted = hostWanted(goal, observed);
  const identity = { ...identityOf(settings), links: true as const };
  const found = scoped(goal, observed, wanted);
  const anew = goal.recreate ? anewOf(wanted, observed) : new Set<Ifname>();
  if (anew.size === 0) return plan(found, wanted, identity);
  const away: Step[] = observed.objects.flatMap(object =>
    object.kind === 'link' && anew.has(object.ifname) ? [{ op: 'delete', object }] : [],
  );
  const { steps } = plan(withoutLinks(found, anew), wanted, identity);
  return { steps: [...away, ...steps] };
}

/** What an undo compares: besides what the goal decides about, what its links lose when they are set down. */
export function hostInScope(goal: HostGoal, observed: Observed): readonly KernelObject[] {
  const wanted = hostWanted(goal, observed);
  const names = new Set<string>(wanted.flatMap(object => ('ifname' in object ? [object.ifname] : [])));
  const found = scoped(goal, observed, wanted);
  return [...byKey([...found, ...observed.objects.filter(isLost(names))]).values()];
}

/** What links that were there before had, below what the file wants of them now. */
export function hostWanted(goal: HostGoal, observed: Observed): readonly KernelObject[] {
  const { sections } = goal;
  const objects = sections === undefined ? [] : hostObjects(sections, observed.links);
  const wanted = byKey(objects);
  const used: ReadonlySet<string> = sections === undefined ? new Set() : namesOf(sections);
  const isLeft = (object: Remembered): boolean =>
    object.kind === 'link-setting' ? !wanted.has(keyOf(object)) : !used.has(nameOf(object));
  return [...back(goal, observed).filter(isLeft), ...wanted.values()];
}

function back({ record }: HostGoal, observed: Observed): readonly Remembered[] {
  const links = Map.groupBy(record?.before ?? [], nameOf);
  return [...links].flatMap(([name, objects]) => {
    const ifname = name as Ifname;
    if (!observed.links.has(ifname) || !isSame(record, ifname, observed.links)) return [];
    const values: LinkSettings = Object.fromEntries(
      objects.flatMap(one => (one.kind === 'link-setting' ? [[one.setting, one.value]] : [])),
    );
    return [
      ...settingObjects(ifname, values, { bond: false, observed: observed.links }),
      ...objects.filter(one => one.kind !== 'link-setting'),
    ];
  });
}

function scoped(
  goal: HostGoal,
  observed: Observed,
  wanted: readonly KernelObject[],
): readonly KernelObject[] {
  const named = new Set(wanted.map(keyOf));
  const made = isMade(goal.record, observed);
  const ports = enslaved(goal.sections === undefined ? [] : hostLinks(goal.sections));
  const inTheWay = (object: KernelObject): boolean =>
    object.kind === 'address' && ports.has(object.ifname) && !isLinkLocal(object.address);
  return observed.objects.filter(object => named.has(keyOf(object)) || made(object) || inTheWay(object));
}
