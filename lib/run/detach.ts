import { sharedText } from '../core/desired/network.ts';
import type { Ifname } from '../core/model/ifname.ts';
import type { NicRecord } from '../core/model/record.ts';
import type { Outcome } from './attach.ts';
import { goalOf, readRecord } from './attach.ts';
import { type Prepared, prepare, remove, touchesShared, withHostLock } from './converge.ts';
import { gc } from './gc.ts';
import type { Change, Goal } from './goal.ts';
import type { Context } from './ports.ts';

/**
 * Takes away what one NIC has, and what its network has when it was the last. Success when there is nothing to do, and
 * when the tap itself is gone already: then its record says what is left.
 */
export async function detach(context: Context, tap: Ifname, options: { dryRun: boolean }): Promise<Outcome> {
  if (options.dryRun) {
    const record = readRecord(context, tap);
    return record === undefined
      ? detachUnrecorded(context, tap, options)
      : outcomeOf(tap, await prepareDetach(context, tap, record));
  }
  const lock = context.host.lock(tap, 'exclusive');
  try {
    const outcome = await detachRecorded(context, tap);
    return outcome ?? (await detachUnrecorded(context, tap, options));
  } finally {
    lock.release();
  }
}

/**
 * An attach of this tap writes the record, and so does a repair, which has the host's lock alone: it is read under both.
 * Undefined when there is none.
 */
async function detachRecorded(context: Context, tap: Ifname): Promise<Outcome | undefined> {
  let removed: NicRecord | undefined;
  return withHostLock(context, async alone => {
    const record = removed ?? readRecord(context, tap);
    if (record === undefined) return undefined;
    const prepared = await prepareDetach(context, tap, record);
    if (!alone && touchesShared(prepared)) return 'needs to be alone';
    await remove(context, prepared);
    context.host.records.remove(tap);
    removed = record;
    // One that went at the same time may have left the network to this one, as this one left it to that one.
    if (!alone && othersOf(prepared.goal) !== othersOf(goalOf(context, [{ tap, record }])))
      return 'needs to be alone';
    return outcomeOf(tap, prepared);
  });
}

/** What others hold on to, each once. */
function othersOf(goal: Goal): string {
  return [...new Set(goal.others.map(sharedText))].sort().join('\n');
}

async function prepareDetach(context: Context, tap: Ifname, record: NicRecord): Promise<Prepared> {
  const change: Change = { tap, record };
  return prepare(context, goalOf(context, [change]));
}

/**
 * A tap that neither a record nor the filter knows has nothing: down is called more than once, and must be cheap then.
 * Else only a look at the whole node tells what is nobody's, which is what gc does.
 */
async function detachUnrecorded(
  context: Context,
  tap: Ifname,
  options: { dryRun: boolean },
): Promise<Outcome> {
  const looked = await prepare(context, goalOf(context, [{ tap }]));
  if (looked.plan.steps.length === 0) return outcomeOf(tap, looked);
  const { plan } = await gc(context, { ...options, rest: tap });
  return { tap, plan, collected: [], warnings: [] };
}

function outcomeOf(tap: Ifname, prepared: Prepared): Outcome {
  return { tap, plan: prepared.plan, collected: [], warnings: [] };
}
