import { hostObjects, namesOf, settingObjects } from '../core/desired/host.ts';
import type { Settings as LinkSettings } from '../core/desired/host-settings.ts';
import { acceptSysctl, isGivenForATime, moveTo, routesOfPorts } from '../core/desired/vrf.ts';
import { isLinkLocal } from '../core/model/address.ts';
import type { Settings } from '../core/model/config.ts';
import { enslaved, type HostSections, hostLinks } from '../core/model/host-links.ts';
import { type HostRecord, isHostWide, linkOf, nameOf, type Remembered } from '../core/model/host-record.ts';
import { type Identity, identityOf, VRF_PREFERENCES } from '../core/model/identity.ts';
import type { Ifname } from '../core/model/ifname.ts';
import { MAIN_TABLE } from '../core/model/network.ts';
import { byKey, type KernelObject, keyOf, type LinkSetting, type Route } from '../core/model/object.ts';
import {
  hostQuery,
  isLocalFirst,
  isLost,
  isMade,
  isMovable,
  isOldRenewal,
  isSame,
} from '../core/observed/host-scope.ts';
import type { Observed, Query } from '../core/observed/query.ts';
import { withReachable } from '../core/plan/near.ts';
import type { Plan, Step } from '../core/plan/plan.ts';
import { anewOf, planAnew } from '../core/plan/recreate.ts';
import { afterMove, calmed, calmPaths, isCalm, movingPorts, namesOfVrfs } from '../core/plan/vrf-move.ts';

/** What is to become of the host's own links: what the file says, or nothing. */
export interface HostGoal {
  /** None when they are taken down. */
  readonly sections?: HostSections;
  /** What an earlier run wrote down. */
  readonly record?: HostRecord;
  /** Links that differ in what they have from when they are made are made anew. */
  readonly recreate: boolean;
  /** Sessions that are open survive that their link joins a VRF. */
  readonly live?: true;
  /** Only what concerns these links is done: a VRF and its ports. */
  readonly only?: ReadonlySet<string>;
}

const NOTHING: Observed = { objects: [], links: new Map() };

export function hostGoalQuery(goal: HostGoal): Query {
  const named = goal.sections === undefined ? [] : namesOf(goal.sections);
  const before = goal.record?.before ?? [];
  const linked = before.filter(object => !isHostWide(object)).map(nameOf);
  const names = new Set([...named, ...linked, ...(goal.only ?? [])] as Ifname[]);
  const tables = (goal.sections?.vrfs ?? []).map(({ table }) => table);
  const query = hostQuery([...hostWanted(goal, NOTHING), ...before], names, tables);
  return { ...query, sysctls: [...new Set([...query.sysctls, ...calmPaths(names)])] };
}

/** By what is told what may be taken away. */
export function hostIdentity({ sections }: HostGoal, settings: Settings): Identity {
  const tables = new Set((sections?.vrfs ?? []).map(({ table }) => table));
  return { ...identityOf(settings), links: true, tables };
}

export function hostGoalPlan(goal: HostGoal, observed: Observed, settings: Settings): Plan {
  const wanted = hostWanted(goal, observed);
  const identity = hostIdentity(goal, settings);
  const moving = movingPorts(wanted, observed, goingOf(goal, wanted, observed));
  const stale = new Set(staleRoutes(goal, wanted, observed).filter(({ dev }) => !moving.has(dev)));
  const found = afterMove(scoped(goal, observed, wanted), moving);
  const rest = found.filter(object => !stale.has(object as MovableRoute));
  const able = reachable(wanted, observed);
  const { steps } = planAnew(rest, able, observed, identity, anewOf(able, observed, goal.recreate));
  const all = [...[...stale].map(object => ({ op: 'delete' as const, object })), ...steps];
  return { steps: calmed(all.filter(concerning(goal, observed)), moving, observed) };
}

/** Addresses that nobody decides about stay on their links. */
function reachable(wanted: readonly KernelObject[], { objects }: Observed): readonly KernelObject[] {
  const addresses = objects.filter(({ kind }) => kind === 'address');
  return withReachable([...addresses, ...wanted]).slice(addresses.length);
}

/** The VRFs that go, if only to be made anew. */
function goingOf(goal: HostGoal, wanted: readonly KernelObject[], observed: Observed): ReadonlySet<string> {
  const named = byKey(wanted);
  const made = isMade(goal.record, observed);
  const anew = anewOf(wanted, observed, goal.recreate);
  return namesOfVrfs(
    observed.objects.filter(
      object =>
        object.kind === 'link' && (anew.has(object.ifname) || (made(object) && !named.has(keyOf(object)))),
    ),
  );
}

function concerning({ only, sections }: HostGoal, { links, objects }: Observed): (step: Step) => boolean {
  if (only === undefined) return () => true;
  const names = new Set<string>(only);
  for (const { ifname, master } of links.values())
    if (master !== undefined && only.has(master)) names.add(ifname);
  const vrfs = [...objects.filter(object => object.kind === 'link'), ...(sections?.vrfs ?? [])];
  const tables = new Set(
    vrfs.flatMap(one => (only.has('name' in one ? one.name : one.ifname) ? [one.table] : [])),
  );
  return ({ object }) => {
    if (object.kind === 'rule') return true;
    if (object.kind === 'route')
      return object.dev === undefined ? tables.has(object.table) : names.has(object.dev);
    if (object.kind === 'sysctl') return names.has(linkOf(object) ?? object.path) || isHostWide(object);
    return 'ifname' in object && names.has(object.ifname);
  };
}

type MovableRoute = Route & { readonly dev: Ifname };

/**
 * A port has no addresses and no routes of its own, whoever gave them: they would take packets past its master. That of a
 * VRF has them in the VRF's table, and none in main.
 */
function staleRoutes(
  { sections }: HostGoal,
  wanted: readonly KernelObject[],
  { objects }: Observed,
): readonly MovableRoute[] {
  const ports = enslaved(sections === undefined ? [] : hostLinks(sections));
  const tables = new Map(
    (sections?.vrfs ?? []).flatMap(vrf => vrf.ports.map(port => [port, vrf.table] as const)),
  );
  const named = new Set(wanted.map(keyOf));
  return objects.filter(isMovable).filter(route => {
    if (ports.has(route.dev)) return true;
    const table = tables.get(route.dev);
    return table !== undefined && [table, MAIN_TABLE].includes(route.table) && !named.has(keyOf(route));
  });
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
  const more = observed.objects.filter(
    object =>
      object.kind === 'sysctl' ||
      (object.kind === 'link-setting' && names.has(object.ifname) && object.setting !== 'mac'),
  );
  return [...byKey([...found, ...more, ...observed.objects.filter(isLost(names))]).values()];
}

/** What links that were there before had, below what the file wants of them now. */
export function hostWanted(goal: HostGoal, observed: Observed): readonly KernelObject[] {
  const { sections } = goal;
  const wanted = byKey([
    ...(goal.live === true ? [acceptSysctl('tcp', true)] : []),
    ...(sections === undefined ? [] : hostObjects(sections, observed)),
  ]);
  const used: ReadonlySet<string> = sections === undefined ? new Set() : namesOf(sections);
  const going = goingOf(goal, [...wanted.values()], observed);
  const stay = vrfsStay([...wanted.values()], observed, going);
  const isLeft = (object: Remembered): boolean => {
    // Whoever was interrupted has not put it back.
    if (object.kind === 'sysctl' && isCalm(object)) return !wanted.has(keyOf(object));
    if (isHostWide(object)) return !stay;
    return object.kind === 'link-setting' ? !wanted.has(keyOf(object)) : !used.has(nameOf(object));
  };
  return [
    ...(stay ? rulesForOthers(observed) : []).filter(rule => !wanted.has(keyOf(rule))),
    ...[...byKey([...back(goal, observed).filter(isLeft), ...backFromVrfs(going, observed)]).values()],
    ...wanted.values(),
  ];
}

/** Whether there is a VRF afterwards, whoever made it. */
function vrfsStay(wanted: readonly KernelObject[], { links }: Observed, going: ReadonlySet<string>): boolean {
  if (wanted.some(object => object.kind === 'link' && object.type === 'vrf')) return true;
  return [...links.values()].some(({ ifname, type }) => type === 'vrf' && !going.has(ifname));
}

/** Without them a VRF that somebody else made would be wrong, and a family without a rule for table local is dead. */
function rulesForOthers({ objects }: Observed): readonly KernelObject[] {
  const shared: readonly number[] = [VRF_PREFERENCES.noOther, VRF_PREFERENCES.localLater];
  return objects.filter(object => object.kind === 'rule' && shared.includes(object.preference));
}

/** What the ports of VRFs that go have now: their leases may be others by now than they were before. */
function backFromVrfs(going: ReadonlySet<string>, observed: Observed): readonly KernelObject[] {
  const ports = [...observed.links.values()].flatMap(({ ifname, master }) =>
    master !== undefined && going.has(master) ? [ifname] : [],
  );
  const tables = observed.objects.flatMap(object =>
    object.kind === 'link' && going.has(object.ifname) ? [object.table] : [],
  );
  const routes = routesOfPorts(ports, observed.objects);
  return [
    ...observed.objects.filter(isGivenForATime({ ports })),
    ...routes.map(route => (tables.includes(route.table) ? moveTo(route, MAIN_TABLE) : route)),
  ];
}

function back({ record }: HostGoal, observed: Observed): readonly Remembered[] {
  const before = record?.before ?? [];
  const links = Map.groupBy(
    before.filter(object => !isHostWide(object)),
    nameOf,
  );
  const wide = before.filter(isHostWide);
  const linked = [...links].flatMap(([name, objects]) => {
    const ifname = name as Ifname;
    if (!observed.links.has(ifname) || !isSame(record, ifname, observed.links)) return [];
    const values: LinkSettings = Object.fromEntries(
      objects.flatMap(one => (one.kind === 'link-setting' ? [[one.setting, valueNow(one, observed)]] : [])),
    );
    return [
      ...settingObjects(ifname, values, { bond: false, observed: observed.links }),
      ...objects.filter(one => one.kind !== 'link-setting').map(stillUnknown),
    ];
  });
  return [...linked, ...wide];
}

/** The kernel does not know its own route again when it was away. */
function stillUnknown(object: Remembered): Remembered {
  return object.kind === 'route' ? moveTo(object, object.table) : object;
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
  const hasVrf = wanted.some(object => object.kind === 'link' && object.type === 'vrf');
  const going = goingOf(goal, wanted, observed);
  const staying = observed.objects.filter(one => one.kind === 'link' && !going.has(one.ifname));
  const tables = new Set([...staying, ...wanted].map(one => (one.kind === 'link' ? one.table : undefined)));
  const inTheWay = (object: KernelObject): boolean => {
    if (isOldRenewal(object, tables)) return true;
    if (object.kind === 'rule') return object.action.do === 'l3mdev' || (hasVrf && isLocalFirst(object));
    return object.kind === 'address' && ports.has(object.ifname) && !isLinkLocal(object.address);
  };
  return observed.objects.filter(object => named.has(keyOf(object)) || made(object) || inTheWay(object));
}
