import { hostObjects, namesOf, settingObjects } from '../core/desired/host.ts';
import type { Settings as LinkSettings } from '../core/desired/host-settings.ts';
import { isLinkLocal } from '../core/model/address.ts';
import type { Settings } from '../core/model/config.ts';
import { enslaved, type HostSections, hostLinks } from '../core/model/host-links.ts';
import { type HostRecord, nameOf, type Remembered } from '../core/model/host-record.ts';
import { identityOf } from '../core/model/identity.ts';
import type { Ifname } from '../core/model/ifname.ts';
import { byKey, type KernelObject, keyOf, type LinkSetting } from '../core/model/object.ts';
import { hostQuery, isLost, isMade, isSame } from '../core/observed/host-scope.ts';
import type { Observed, Query } from '../core/observed/query.ts';
import type { Plan } from '../core/plan/plan.ts';
import { anewOf, planAnew } from '../core/plan/recreate.ts';

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
  const stale = new Set(routesOfPorts(goal, observed));
  const rest = found.filter(object => !stale.has(object));
  const { steps } = planAnew(rest, wanted, observed, identity, anewOf(wanted, observed, goal.recreate));
  return { steps: [...[...stale].map(object => ({ op: 'delete' as const, object })), ...steps] };
}

/** A port has no addresses and no routes of its own, whoever gave them: they would take packets past its master. */
function routesOfPorts({ sections }: HostGoal, { objects }: Observed): readonly KernelObject[] {
  const ports = enslaved(sections === undefined ? [] : hostLinks(sections));
  return objects.filter(isLost(ports)).filter(({ kind }) => kind === 'route');
}

/**
 * What an undo compares: besides what the goal decides about, what its links lose when they are set down, and, since one
 * may have been made anew, all that they had. A MAC is not put back: each link gets its own, or its lower one's.
 */
export function hostInScope(goal: HostGoal, observed: Observed): readonly KernelObject[] {
  const wanted = hostWanted(goal, observed);
  const found = scoped(goal, observed, wanted);
  const names = new Set<string>(
    [...wanted, ...found].flatMap(object => ('ifname' in object ? [object.ifname] : [])),
  );
  const settings = observed.objects.filter(
    object => object.kind === 'link-setting' && names.has(object.ifname) && object.setting !== 'mac',
  );
  const more = [...settings, ...observed.objects.filter(isLost(names))];
  return [...byKey([...found, ...more]).values()];
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
      objects.flatMap(one => (one.kind === 'link-setting' ? [[one.setting, valueNow(one, observed)]] : [])),
    );
    return [
      ...settingObjects(ifname, values, { bond: false, observed: observed.links }),
      ...objects.filter(one => one.kind !== 'link-setting'),
    ];
  });
}

/** A master may be gone by now. */
function valueNow({ setting, value }: LinkSetting, { links }: Observed): string {
  return setting === 'master' && !links.has(value) ? 'none' : value;
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
