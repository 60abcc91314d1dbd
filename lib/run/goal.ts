import { sharedObjects, sharedText } from '../core/desired/network.ts';
import { nicObjects, uplinksOf } from '../core/desired/nic.ts';
import { restingSettings } from '../core/desired/resting.ts';
import { IPV6_FORWARDING } from '../core/desired/sysctls.ts';
import { defaultVlan } from '../core/desired/vlans.ts';
import type { Settings } from '../core/model/config.ts';
import { type Identity, identityOf } from '../core/model/identity.ts';
import type { Ifname } from '../core/model/ifname.ts';
import type { Nic } from '../core/model/network.ts';
import { byKey, isPortSetting, type KernelObject, keyOf } from '../core/model/object.ts';
import type { NicRecord } from '../core/model/record.ts';
import { bulkQuery, nodeQuery } from '../core/observed/node-query.ts';
import { nicsOwn, nodeOwns } from '../core/observed/owner.ts';
import { CHAIN_NAMES, type Observed, type Query, queryOf } from '../core/observed/query.ts';
import { joined } from '../core/plan/joined.ts';
import { type Plan, plan } from '../core/plan/plan.ts';
import { type HostGoal, hostGoalPlan, hostGoalQuery, hostIdentity, hostInScope } from './host-goal.ts';
import { nicOfRecord, nicsOfRecord } from './recorded.ts';

/** What is to become of one tap: a NIC, or none. */
export interface Change {
  readonly tap: Ifname;
  readonly nic?: Nic;
  /** What an earlier run wrote down, about this link. */
  readonly record?: NicRecord;
}

/** The changes of one run, and the other NICs of this node as far as they hold on to what this run could remove. */
export interface Goal {
  /** `nics`: only what these NICs have is decided about. `node`: they are all there is, and anything else of ours is too much. `host`: the host's own links. */
  readonly scope: 'nics' | 'node' | 'host';
  readonly changes: readonly Change[];
  readonly others: readonly Nic[];
  readonly settings: Settings;
  /** With scope `host`, and then there are no NICs. */
  readonly host?: HostGoal;
}

const NOTHING: Observed = { objects: [], links: new Map() };

/** Of more NICs, whole tables cost less than a question for each. */
export const MANY = 8;

/** By what an undo tells what it may take away. */
export function identityOfGoal({ changes, host, settings }: Goal): Identity {
  if (host !== undefined) return hostIdentity(host, settings);
  return identityOf(
    settings,
    changes.flatMap(({ record }) => record ?? []),
  );
}

/** What to read for a goal: all that it wants, and all that the records say was made before. */
export function goalQuery(goal: Goal): Query {
  if (goal.host !== undefined) return hostGoalQuery(goal.host);
  const taps = goal.changes.map(change => change.tap);
  const carriers = goal.changes.flatMap(({ nic }) => (nic === undefined ? [] : carriersOf(nic)));
  const settings = goal.changes.flatMap(({ record }) => record?.before ?? []);
  const objects = [...desiredObjects(goal, NOTHING), ...leavingObjects(goal), ...settings];
  const query = queryOf(objects, { taps, carriers });
  const complete = { ...query, sysctls: [...query.sysctls, IPV6_FORWARDING] };
  if (goal.scope === 'node') return nodeQuery(bulkQuery(complete), identityOfGoal(goal));
  if (taps.length > MANY) return bulkQuery(complete);
  const last = goal.others.length === 0 && goal.changes.every(({ nic }) => nic === undefined);
  return {
    ...complete,
    // Who is left wants the table of the chains. A chain that its link took along does not tell that it is there.
    nft: last ? [CHAIN_NAMES, ...complete.nft] : complete.nft,
    elementsOf: new Set(taps),
  };
}

/** The subtraction for a goal, within what is the goal's to decide. */
export function goalPlan(goal: Goal, observed: Observed): Plan {
  if (goal.host !== undefined) return hostGoalPlan(goal.host, observed, goal.settings);
  const desired = desiredObjects(goal, observed);
  const found = joined(scoped(goal, observed, desired), desired, observed.links);
  const taps = goal.changes.map(change => change.tap);
  return plan(found, supported(desired, observed, taps), identityOfGoal(goal));
}

/** The part of the kernel that this goal decides about: its NICs' own, and what it or a record names. */
export function inScope(goal: Goal, observed: Observed): readonly KernelObject[] {
  if (goal.host !== undefined) return hostInScope(goal.host, observed);
  return scoped(goal, observed, desiredObjects(goal, observed));
}

/** What the changes want, and what their records wanted. */
export function goalObjects(goal: Goal, observed: Observed): readonly KernelObject[] {
  return [
    ...desiredObjects(goal, observed),
    ...goal.changes.flatMap(({ record }) =>
      record === undefined ? [] : nicObjects(nicOfRecord(record), goal.settings, observed.links),
    ),
  ];
}

function scoped(goal: Goal, observed: Observed, desired: readonly KernelObject[]): readonly KernelObject[] {
  const named = new Set([...desired, ...leavingObjects(goal)].map(keyOf));
  const taps = goal.changes.map(change => change.tap);
  const own =
    goal.scope === 'node'
      ? nodeOwns(observed.objects, identityOfGoal(goal))
      : nicsOwn(taps, observed.objects);
  return observed.objects.filter(object => own(object) || (named.has(keyOf(object)) && !isNative(object)));
}

/** What shared things only these changes' records know of: whether they must stay, the others are to be asked. */
export function leaving(goal: Goal): readonly Nic[] {
  const staying = new Set(goal.changes.flatMap(({ nic }) => (nic === undefined ? [] : [sharedText(nic)])));
  return goal.changes
    .flatMap(({ record }) => (record === undefined ? [] : nicsOfRecord(record)))
    .filter(nic => !staying.has(sharedText(nic)));
}

/** The devices that must carry a NIC: its uplinks, or its bridge. */
export function carriersOf(nic: Nic): readonly Ifname[] {
  if (nic.mode === 'routed') {
    const { vrf } = nic.network;
    return [...uplinksOf(nic.network), ...(vrf === undefined ? [] : [vrf])];
  }
  return [nic.bridge, ...(nic.vlanUplinks ?? [])];
}

function desiredObjects(goal: Goal, observed: Observed): readonly KernelObject[] {
  const nics = oldestFirst(goal.changes).flatMap(change => change.nic ?? []);
  const wanted = byKey([
    ...goal.changes.flatMap(change => settingsBefore(change, observed)),
    ...sharedBy(nics, goal.settings),
    ...nics.flatMap(nic => nicObjects(nic, goal.settings, observed.links)),
    ...goal.changes.flatMap(change => vlanAgain(change, observed)),
  ]);
  if (goal.others.length === 0) return [...wanted.values()];
  // Kept as it is: whoever leaves must not depend on what it leaves behind, whose uplink may be down.
  const needed = new Set(sharedBy(goal.others, goal.settings).map(keyOf));
  const kept = observed.objects.filter(object => needed.has(keyOf(object)) && !wanted.has(keyOf(object)));
  return [...wanted.values(), ...kept];
}

/** Where two want different things of what they share, the one that was attached last was told last. */
function oldestFirst(changes: readonly Change[]): readonly Change[] {
  const at = ({ record }: Change): string => record?.at ?? 'now';
  return changes.toSorted((a, b) => (at(a) < at(b) ? -1 : at(a) > at(b) ? 1 : 0));
}

/** Of a thousand NICs of one network, once, in the order of the last of each. */
function sharedBy(nics: readonly Nic[], settings: Settings): readonly KernelObject[] {
  const distinct = new Map(nics.toReversed().map(nic => [sharedText(nic), nic]));
  return [...distinct.values()].toReversed().flatMap(nic => sharedObjects(nic, settings));
}

/** What the tap was before the first attach, below what the NIC wants of it now; of a link that is gone, nothing. */
function settingsBefore(change: Change, observed: Observed): readonly KernelObject[] {
  const facts = observed.links.get(change.tap);
  if (facts === undefined) return [];
  if (change.record !== undefined) return facts.ifindex === change.record.ifindex ? change.record.before : [];
  // Without a record any link could have been named: only one that the filter knows is a tap of ours.
  return change.nic === undefined && isFiltered(change.tap, observed) ? restingSettings(change.tap) : [];
}

/** A port that is in VLANs no more is in the bridge's own: the kernel gives it that one when it joins, and never again. */
function vlanAgain({ tap, nic, record }: Change, { links }: Observed): readonly KernelObject[] {
  if (nic?.mode !== 'bridged' || nic.vlans !== undefined || record === undefined) return [];
  const was = nicsOfRecord(record).some(one => one.mode === 'bridged' && one.vlans !== undefined);
  if (!was) return [];
  return links.get(tap)?.ifindex === record.ifindex ? defaultVlan(nic, links) : [];
}

/** Whether the filter knows this link as a tap of ours. */
export function isFiltered(tap: Ifname, observed: Observed): boolean {
  return observed.objects.some(
    object => object.kind === 'nft-element' && object.set === 'taps' && object.key[0] === tap,
  );
}

/** What was made for the records' NICs, with the rules where they were then. */
function leavingObjects({ changes, settings }: Goal): readonly KernelObject[] {
  const records = changes.flatMap(({ record }) => record ?? []);
  const byRules = Map.groupBy(records, record => record.rulePreference ?? settings.rulePreference);
  return [...byRules]
    .flatMap(([rulePreference, some]) => {
      const then = { ...settings, rulePreference };
      const nics = some.flatMap(nicsOfRecord);
      return [...sharedBy(nics, then), ...nics.flatMap(nic => nicObjects(nic, then, new Map()))];
    })
    .filter(object => object.kind !== 'sysctl');
}

/** What only newer kernels have is not wanted where it is absent, nor are settings of a port on what will be none. */
function supported(
  desired: readonly KernelObject[],
  observed: Observed,
  taps: readonly Ifname[],
): readonly KernelObject[] {
  const found = byKey(observed.objects);
  const alone = aloneIn(desired, observed.links);
  const isTheirs = (object: KernelObject): boolean =>
    object.kind === 'bridge-vlan' && !taps.includes(object.ifname) && isNative(found.get(keyOf(object)));
  return desired.filter(
    object => !alone(object) && !isTheirs(object) && (!isRecent(object) || found.has(keyOf(object))),
  );
}

/** On an uplink, somebody's own: vmnet adds VLANs with their tags alone, and the segment is reached by this as well. */
function isNative(object: KernelObject | undefined): boolean {
  return object?.kind === 'bridge-vlan' && object.untagged;
}

/** Sysctls of Linux 6.17 and later, and what a port is without where nobody can lock it (before Linux 5.18). */
function isRecent(object: KernelObject): boolean {
  if (object.kind === 'sysctl') return object.path.endsWith('/force_forwarding');
  return object.kind === 'link-setting' && object.setting === 'locked' && object.value === 'off';
}

/** Whether a setting is one of a port, on a link that these objects have in no bridge: in none, or in a VRF. */
export function aloneIn(
  objects: readonly KernelObject[],
  links: Observed['links'],
): (object: KernelObject) => boolean {
  const alone = new Set(
    objects.flatMap(object =>
      object.kind === 'link-setting' &&
      object.setting === 'master' &&
      (object.value === 'none' || links.get(object.value)?.type === 'vrf')
        ? [object.ifname]
        : [],
    ),
  );
  return object => object.kind === 'link-setting' && isPortSetting(object) && alone.has(object.ifname);
}
