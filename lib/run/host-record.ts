import { type HostLink, hostLinks, portsOf } from '../core/model/host-links.ts';
import { type HostRecord, nameOf, type Remembered } from '../core/model/host-record.ts';
import type { Ifname } from '../core/model/ifname.ts';
import { byKey, type KernelObject, keyOf, type LinkSetting } from '../core/model/object.ts';
import { isLost, isMade, isSame } from '../core/observed/host-scope.ts';
import type { Observed } from '../core/observed/query.ts';
import type { Prepared } from './converge.ts';
import { hostWanted } from './host-goal.ts';
import type { Context } from './ports.ts';

/** What is vmnet's when this plan is carried out, as far as `now` shows the links that it is about. */
export function hostRecordOf(context: Context, prepared: Prepared, now: Observed): HostRecord {
  const made = madeBy(prepared);
  const before = remembered(prepared, made);
  const names = new Set([...before.map(nameOf), ...made].map(key => key.split(' ')[1] ?? key));
  const links = [...names].flatMap(name => {
    const facts = now.links.get(name as Ifname);
    return facts === undefined ? [] : [[name, facts.ifindex] as const];
  });
  return { version: 1, links: Object.fromEntries(links), made: [...made], before, at: context.host.now() };
}

/** After a plan that failed and was undone: what was made anew has another index, and what is left is known. */
export function undoneRecord(context: Context, { goal, plan }: Prepared): HostRecord | undefined {
  const old = goal.host?.record;
  const touched = plan.steps.flatMap(({ object }) => (object.kind === 'link' ? [object] : []));
  const there = touched.filter(({ ifname }) => context.host.ifindex(ifname) !== undefined);
  const left = there.filter(link => plan.steps.some(({ op, object }) => op === 'add' && object === link));
  if (old === undefined && left.length === 0) return undefined;
  const indexes = there.map(({ ifname }) => [ifname, context.host.ifindex(ifname) ?? 0] as const);
  return {
    version: 1,
    links: { ...old?.links, ...Object.fromEntries(indexes) },
    made: [...new Set([...(old?.made ?? []), ...left.map(keyOf)])],
    before: old?.before ?? [],
    at: context.host.now(),
  };
}

/** What was made before and still is there, and what these steps make. */
function madeBy({ goal, plan, before }: Prepared): ReadonlySet<string> {
  const isOwn = isMade(goal.host?.record, before);
  const kinds = ['link', 'address'];
  const made = new Set(before.objects.filter(one => kinds.includes(one.kind) && isOwn(one)).map(keyOf));
  for (const { op, object } of plan.steps) if (op === 'delete') made.delete(keyOf(object));
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
  const ports = hostLinks(goal.host?.sections ?? NONE)
    .flatMap((link: HostLink) => portsOf(link))
    .filter(name => isOthers(name) && !known.has(name));
  const lost = before.objects.filter(isLost(new Set<string>(ports))).filter(isStatic);
  return [...byKey<Remembered>([...settings, ...lost, ...earlier]).values()];
}

const NONE = { bonds: [], vlans: [], bridges: [], vrfs: [] };

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
