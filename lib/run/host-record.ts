import { askedOf } from '../core/desired/host.ts';
import { type HostLink, hostLinks, NO_SECTIONS, portsOf } from '../core/model/host-links.ts';
import {
  type HostRecord,
  type HostWide,
  isHostWide,
  nameOf,
  type Remembered,
} from '../core/model/host-record.ts';
import type { Ifname } from '../core/model/ifname.ts';
import type { Link } from '../core/model/link.ts';
import { byKey, type KernelObject, keyOf, type LinkSetting } from '../core/model/object.ts';
import { isLost, isMade, isSame } from '../core/observed/host-scope.ts';
import type { Observed } from '../core/observed/query.ts';
import type { Plan, Step } from '../core/plan/plan.ts';
import { isCalm } from '../core/plan/vrf-move.ts';
import type { Prepared } from './converge.ts';
import { hostWanted } from './host-goal.ts';
import type { Context } from './ports.ts';

/** What is vmnet's when this plan is carried out; as long as it is not, nobody knows the indexes of what it makes. */
export function hostRecordOf(context: Context, prepared: Prepared, after?: Observed): HostRecord {
  const now = after ?? prepared.before;
  const coming = new Set<string>(
    after === undefined ? linkSteps(prepared.plan).map(({ link }) => link.ifname) : [],
  );
  const made = madeBy(prepared, after !== undefined);
  const before = remembered(prepared, made, after !== undefined);
  const names = new Set([...before.map(nameOf), ...made].map(key => key.split(' ')[1] ?? key));
  const links = [...names].flatMap(name => {
    const facts = now.links.get(name as Ifname);
    return facts === undefined || coming.has(name) ? [] : [[name, facts.ifindex] as const];
  });
  const goal = prepared.goal.host;
  const asked = goal?.only === undefined ? goal?.sections : undefined;
  const earlier = goal?.only === undefined ? undefined : goal.record?.asked;
  return {
    version: 1,
    links: Object.fromEntries(links),
    made: [...made],
    before,
    ...(asked === undefined ? {} : { asked: askedOf(asked) }),
    ...(earlier === undefined ? {} : { asked: earlier }),
    at: context.host.now(),
  };
}

/**
 * After a plan that failed and was undone: what was made anew has another index by now. If the undo has failed as well,
 * what is left is in the record that went ahead.
 */
export function undoneRecord(
  context: Context,
  { goal, plan }: Prepared,
  pending: HostRecord | undefined,
): HostRecord | undefined {
  const old = goal.host?.record;
  const there = linkSteps(plan).filter(({ link }) => context.host.ifindex(link.ifname) !== undefined);
  const known = new Set(old?.made);
  const isLeft = there.some(({ op, link }) => op === 'add' && !known.has(keyOf(link)));
  const record = isLeft ? pending : old;
  if (record === undefined) return undefined;
  const indexes = there.map(({ link }) => [link.ifname, context.host.ifindex(link.ifname) ?? 0] as const);
  return { ...record, links: { ...record.links, ...Object.fromEntries(indexes) } };
}

function linkSteps({ steps }: Plan): readonly { readonly op: Step['op']; readonly link: Link }[] {
  return steps.flatMap(({ op, object }) => (object.kind === 'link' ? [{ op, link: object }] : []));
}

/** What was made before and still is there, and what these steps make; what they take away goes when that is `done`. */
function madeBy({ goal, plan, before }: Prepared, done: boolean): ReadonlySet<string> {
  const isOwn = isMade(goal.host?.record, before);
  const kinds = ['link', 'address', 'rule'];
  const made = new Set(before.objects.filter(one => kinds.includes(one.kind) && isOwn(one)).map(keyOf));
  for (const { op, object } of plan.steps) if (done && op === 'delete') made.delete(keyOf(object));
  const were = new Set(goal.host?.record?.before.map(keyOf));
  for (const { op, object } of plan.steps) {
    const isBack = object.kind === 'rule' && were.has(keyOf(object));
    if (op === 'add' && kinds.includes(object.kind) && isStatic(object) && !isBack) made.add(keyOf(object));
  }
  return made;
}

/** What an earlier run has not touched is still what it was before that one. */
function remembered(
  { goal, before, plan }: Prepared,
  made: ReadonlySet<string>,
  done: boolean,
): readonly Remembered[] {
  const record = goal.host?.record;
  const isThere = (name: string): boolean =>
    before.links.has(name) && isSame(record, name as Ifname, before.links);
  const earlier = (record?.before ?? []).filter(one => isHostWide(one) || isThere(nameOf(one)));
  const known = new Set(earlier.map(nameOf));
  const isOthers = (name: string): boolean => !made.has(`link ${name}`);
  const found = byKey(before.objects);
  const settings = (goal.host === undefined ? [] : hostWanted(goal.host, before)).flatMap(object => {
    const was = object.kind === 'link-setting' ? found.get(keyOf(object)) : undefined;
    return was?.kind === 'link-setting' && isOthers(was.ifname) && canReturn(was) ? [bare(was)] : [];
  });
  const ports = hostLinks(goal.host?.sections ?? NO_SECTIONS)
    .flatMap((link: HostLink) => portsOf(link))
    .filter(name => isOthers(name) && !known.has(name));
  const lost = before.objects.filter(isLost(new Set<string>(ports))).filter(isStatic);
  const own = new Set([...made, ...(record?.made ?? [])]);
  const wide = plan.steps.flatMap(step => hostWideOf(step, own));
  const all = byKey<Remembered>([...settings, ...lost, ...wide, ...earlier]);
  return [...all.values()].filter(one => !done || one.kind !== 'sysctl' || !isCalm(one));
}

/** What the whole host had, and what is otherwise only while links move. */
function hostWideOf(step: Step, made: ReadonlySet<string>): readonly HostWide[] {
  const was = step.op === 'change' ? step.was : step.op === 'delete' ? step.object : undefined;
  if (was?.kind === 'rule') return made.has(keyOf(was)) ? [] : [was];
  return was?.kind === 'sysctl' ? [was] : [];
}

function bare({ kind, ifname, setting, value }: LinkSetting): LinkSetting {
  return { kind, ifname, setting, value };
}

/** Whoever gave an address for a time gives it again. */
function isStatic(object: KernelObject): boolean {
  return object.kind !== 'address' || object.dynamic !== true;
}

/** Nothing makes a bridge adopt MACs again, and there are no words for no primary. */
function canReturn({ setting, value }: LinkSetting): boolean {
  return setting !== 'own-mac' && !(setting === 'primary' && value === 'none');
}
