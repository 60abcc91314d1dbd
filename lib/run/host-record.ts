import { askedOf } from '../core/desired/host.ts';
import { type HostLink, hostLinks, NO_SECTIONS, portsOf } from '../core/model/host-links.ts';
import { type HostRecord, nameOf, type Remembered } from '../core/model/host-record.ts';
import type { Ifname } from '../core/model/ifname.ts';
import type { Link } from '../core/model/link.ts';
import { byKey, type KernelObject, keyOf, type LinkSetting } from '../core/model/object.ts';
import { isLost, isMade, isSame } from '../core/observed/host-scope.ts';
import type { Observed } from '../core/observed/query.ts';
import type { Plan, Step } from '../core/plan/plan.ts';
import type { Prepared } from './converge.ts';
import { hostWanted } from './host-goal.ts';
import type { Context } from './ports.ts';

/** What is vmnet's when this plan is carried out; as long as it is not, nobody knows the indexes of what it makes. */
export function hostRecordOf(context: Context, prepared: Prepared, after?: Observed): HostRecord {
  const now = after ?? prepared.before;
  const coming = new Set<string>(
    after === undefined ? linkSteps(prepared.plan).map(({ link }) => link.ifname) : [],
  );
  const made = madeBy(prepared, after === undefined);
  const before = remembered(prepared, made);
  const names = new Set([...before.map(nameOf), ...made].map(key => key.split(' ')[1] ?? key));
  const links = [...names].flatMap(name => {
    const facts = now.links.get(name as Ifname);
    return facts === undefined || coming.has(name) ? [] : [[name, facts.ifindex] as const];
  });
  const asked = prepared.goal.host?.sections;
  return {
    version: 1,
    links: Object.fromEntries(links),
    made: [...made],
    before,
    ...(asked === undefined ? {} : { asked: askedOf(asked) }),
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

/** What was made before and still is there, and what these steps make; as long as they are `pending`, what goes as well. */
function madeBy({ goal, plan, before }: Prepared, pending: boolean): ReadonlySet<string> {
  const isOwn = isMade(goal.host?.record, before);
  const kinds = ['link', 'address'];
  const made = new Set(before.objects.filter(one => kinds.includes(one.kind) && isOwn(one)).map(keyOf));
  for (const { op, object } of plan.steps) if (op === 'delete' && !pending) made.delete(keyOf(object));
  for (const { op, object } of plan.steps)
    if (op === 'add' && kinds.includes(object.kind)) made.add(keyOf(object));
  return made;
}

/** What an earlier run has not touched is still what it was before that one. */
function remembered({ goal, before }: Prepared, made: ReadonlySet<string>): readonly Remembered[] {
  const record = goal.host?.record;
  const earlier = (record?.before ?? []).filter(
    one => before.links.has(nameOf(one) as Ifname) && isSame(record, nameOf(one) as Ifname, before.links),
  );
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
  return [...byKey<Remembered>([...settings, ...lost, ...earlier]).values()];
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
