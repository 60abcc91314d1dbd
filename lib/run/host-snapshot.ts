import { VmnetError } from '../core/errors.ts';
import type { HostRecord } from '../core/model/host-record.ts';
import type { HostSnapshot, Snapped } from '../core/model/host-snapshot.ts';
import { HOST_PROTOCOL, identityOf } from '../core/model/identity.ts';
import type { Ifname } from '../core/model/ifname.ts';
import { type KernelObject, keyOf } from '../core/model/object.ts';
import { hostQuery, isOldRenewal, isSame } from '../core/observed/host-scope.ts';
import type { Observed } from '../core/observed/query.ts';
import { planBack } from '../core/plan/back.ts';
import { type Plan, type Step, stepText } from '../core/plan/plan.ts';
import { render } from '../core/plan/render.ts';
import type { Prepared } from './converge.ts';
import { inScope } from './goal.ts';
import { hostWanted } from './host-goal.ts';
import type { Context } from './ports.ts';

const KINDS: readonly KernelObject['kind'][] = [
  'link',
  'link-setting',
  'address',
  'route',
  'rule',
  'sysctl',
  'ovs-bridge',
  'ovs-port',
];

/** What an undo of this change has to know, for one that comes when this process is no more. */
export function hostSnapshotOf({ goal, before }: Prepared): HostSnapshot {
  const was = inScope(goal, before).filter((object): object is Snapped => KINDS.includes(object.kind));
  const wanted = goal.host === undefined ? [] : hostWanted(goal.host, before);
  const names = [...was, ...wanted].flatMap(object => {
    if (object.kind === 'route') return object.dev ?? [];
    return 'ifname' in object ? object.ifname : [];
  });
  const record = goal.host?.record;
  const live = Object.keys(record?.links ?? {}) as Ifname[];
  return {
    version: 1,
    was: was.filter(canReturn),
    wanted: wanted.map(keyOf),
    names: [...new Set(names)],
    ...(record === undefined ? {} : { record }),
    live: live.filter(name => before.links.has(name) && isSame(record, name, before.links)),
  };
}

/** Nothing makes a bridge adopt MACs again; and what comes with an address is not to be there before it. */
function canReturn(object: Snapped): boolean {
  if (object.kind === 'route') return object.ofAddress !== true;
  return object.kind !== 'link-setting' || object.value !== 'adopted';
}

/** What the kernel may answer to what is put back: a link that was set down loses its routes, and gets them again. */
const ROUNDS = 5;

/** Makes what is in the snapshot so again, and the host's record with it; a `kernel` error when something is left. */
export async function restoreHost(context: Context, snapshot: HostSnapshot): Promise<Plan> {
  const lock = context.host.lock('host', 'exclusive');
  try {
    const query = hostQuery(snapshot.was, snapshot.names);
    let now = await context.host.exchange([], query);
    const done: Step[] = [];
    for (let round = 1; ; round += 1) {
      const { steps } = backPlan(context, snapshot, now);
      const [left] = steps;
      if (left === undefined) break;
      if (round > ROUNDS)
        throw new VmnetError('kernel', `this does not come back: ${stepText(left)}`, {
          hint: 'look with vmnet host plan, and with ip monitor for who else changes it',
        });
      for (const step of steps) context.report('debug', `back ${stepText(step)}`);
      done.push(...steps);
      now = await context.host.exchange(render(steps), query);
    }
    const record = recordAgain(snapshot, now);
    if (record === undefined) context.host.hostRecord.remove();
    else context.host.hostRecord.write(record);
    return { steps: done };
  } finally {
    lock.release();
  }
}

/**
 * What has come since and is none of the change's stays: a NIC's routes on an uplink that was there before, somebody's
 * address.
 */
function backPlan({ config }: Context, { was, wanted }: HostSnapshot, now: Observed): Plan {
  const keys = new Set([...was.map(keyOf), ...wanted]);
  const others = now.objects.filter(object => !keys.has(keyOf(object)));
  const vrfTables = new Set([...was, ...others].map(one => (one.kind === 'link' ? one.table : undefined)));
  const found = now.objects.filter(
    object =>
      keys.has(keyOf(object)) ||
      (object.kind === 'route' && object.protocol === HOST_PROTOCOL) ||
      isOldRenewal(object, vrfTables),
  );
  const identity = { ...identityOf(config.settings), links: true as const };
  return planBack(found, was, now, identity);
}

/** A link that was made anew has another index by now. */
function recordAgain({ record, live }: HostSnapshot, { links }: Observed): HostRecord | undefined {
  if (record === undefined) return undefined;
  const indexes = live.flatMap(name => {
    const facts = links.get(name);
    return facts === undefined ? [] : [[name, facts.ifindex] as const];
  });
  return { ...record, links: { ...record.links, ...Object.fromEntries(indexes) } };
}
