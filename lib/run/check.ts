import { asVmnetError, VmnetError } from '../core/errors.ts';
import type { Ifname } from '../core/model/ifname.ts';
import type { NicRecord } from '../core/model/record.ts';
import type { Observed } from '../core/observed/query.ts';
import type { Step } from '../core/plan/plan.ts';
import {
  checkForwarding,
  checkSurroundings,
  checkSwitch,
  checkVlanLinks,
  sysctlsOf,
} from '../core/verify/surroundings.ts';
import { goalOf, resolve } from './attach.ts';
import { prepare } from './converge.ts';
import type { Change, Goal } from './goal.ts';
import { isAlive } from './living.ts';
import type { Context } from './ports.ts';
import { nicOfRecord } from './recorded.ts';
import { contradictions } from './taken.ts';

/** What differs from what should be; empty when all is well. */
export interface Drift {
  readonly steps: readonly Step[];
  /** NICs that cannot even be compared, and records that cannot be read. */
  readonly errors: readonly VmnetError[];
  readonly checked: readonly Ifname[];
  /** Recorded taps whose link is gone, or is another one by now. */
  readonly gone: readonly Ifname[];
}

/** Compares named taps, or the whole node, with the kernel; stops before apply. */
export async function check(context: Context, taps: readonly Ifname[]): Promise<Drift> {
  const { records, broken } = recordsOf(context, taps);
  const { changes, outdated, errors } = await changesOf(context, records);
  // The error says what is wrong with an outdated one; what it has is not unexpected for that.
  const all = [...changes, ...outdated];
  const goal: Goal =
    taps.length > 0
      ? goalOf(context, all)
      : { scope: 'node', changes: all, others: [], settings: context.config.settings };
  const prepared = await prepare(context, goal);
  return {
    steps: prepared.plan.steps,
    errors: [
      ...broken,
      ...errors,
      ...contradictions(changes, goal.settings),
      ...surroundingErrors(changes, prepared.before).map(({ error }) => error),
    ],
    checked: changes.map(change => change.tap),
    gone: records.filter(record => !isAlive(context, record)).map(record => record.request.ifname),
  };
}

/** What makes repair useless until somebody has seen to it: no uplink, no bridge, no forwarding. */
export function surroundingErrors(
  changes: readonly Change[],
  observed: Observed,
): readonly { readonly change: Change; readonly error: VmnetError }[] {
  const sysctls = sysctlsOf(observed);
  return changes.flatMap(change => {
    if (change.nic === undefined) return [];
    try {
      checkSurroundings(change.nic, observed.links);
      checkSwitch(change.nic, observed);
      checkVlanLinks(change.nic, observed);
      checkForwarding(change.nic, sysctls);
      return [];
    } catch (thrown) {
      return [{ change, error: asVmnetError(thrown) }];
    }
  });
}

/** The records of these taps, or of all that have one; a named tap without one is an error. */
export function recordsOf(
  context: Context,
  taps: readonly Ifname[],
): { readonly records: readonly NicRecord[]; readonly broken: readonly VmnetError[] } {
  if (taps.length === 0) return context.host.records.list();
  return { records: taps.map(tap => recordedNic(context, tap)), broken: [] };
}

/** The record of a tap that somebody named. */
export function recordedNic(context: Context, tap: Ifname): NicRecord {
  const record = context.host.records.read(tap);
  if (record !== undefined) return record;
  throw new VmnetError('request', 'no NIC is attached to this tap', {
    where: tap,
    hint: 'vmnet list shows those that are',
  });
}

/** What the records ask for today: their requests against the configuration as it is now. Dead ones ask for nothing. */
export async function changesOf(
  context: Context,
  records: readonly NicRecord[],
): Promise<{
  readonly changes: readonly Change[];
  /** What cannot be had any more by the configuration, as it was when it was attached. */
  readonly outdated: readonly Change[];
  readonly errors: readonly VmnetError[];
}> {
  const changes: Change[] = [];
  const outdated: Change[] = [];
  const errors: VmnetError[] = [];
  for (const record of records) {
    const tap = record.request.ifname;
    if (!isAlive(context, record)) continue;
    try {
      changes.push({ tap, nic: await resolve(context, record.request), record });
    } catch (thrown) {
      errors.push(asVmnetError(thrown));
      outdated.push({ tap, nic: nicOfRecord(record), record });
    }
  }
  return { changes, outdated, errors };
}
