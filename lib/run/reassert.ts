import { namesOf } from '../core/desired/host.ts';
import type { Interest } from '../core/watch/event.ts';
import { dueAt } from '../core/watch/fight.ts';
import { announceBehind } from './announce.ts';
import { carriersOf } from './goal.ts';
import {
  complain,
  failedLook,
  keysOf,
  type Look,
  type Memory,
  type Occasion,
  tell,
  withPatience,
} from './look.ts';
import type { Context } from './ports.ts';
import { nicOfRecord } from './recorded.ts';
import { repair } from './repair.ts';

/**
 * Compares without a lock, and repairs under the locks of every other verb when something is lost. A NIC on its way up
 * or down looks like a loss, until its locks are free.
 */
export async function reassertNics(context: Context, memory: Memory, occasion: Occasion): Promise<Look> {
  try {
    const seen = await repair(context, [], { dryRun: true });
    const complaints = complain(context, memory, seen.errors);
    const keys = keysOf(seen.plan.steps);
    if (keys.length === 0) {
      await sayAgain(context, occasion);
      return { outcome: { kind: 'clean' }, memory: { ...memory, complaints } };
    }
    const until = dueAt(memory.fights, keys, occasion.now());
    if (until > occasion.now())
      return { outcome: { kind: 'held', until }, memory: { ...memory, complaints } };
    const { plan } = await repair(withPatience(context), [], { dryRun: false });
    const fights = tell(context, memory.fights, plan.steps, occasion);
    const kind = plan.steps.length === 0 ? 'clean' : 'repaired';
    return { outcome: { kind }, memory: { fights, complaints } };
  } catch (thrown) {
    return failedLook(context, memory, thrown);
  }
}

/** A repair announces as well; this is for when nothing was lost but the memory of a switch. */
async function sayAgain(context: Context, { returned, event }: Occasion): Promise<void> {
  if (returned.length === 0) return;
  const taps = await announceBehind(context, returned);
  if (taps.length > 0) context.report('info', `announced ${taps.length} NICs again after ${event}`);
}

/** What the recorded NICs lie on, as they were resolved last, and the host's own links. */
export function interestOf(context: Context): Interest {
  const nics = context.host.records.list().records.map(nicOfRecord);
  const { vrfs } = context.config;
  return {
    hostLinks: namesOf(context.config),
    links: new Set(nics.flatMap(nic => [nic.request.ifname, ...carriersOf(nic)])),
    tables: new Set([
      ...vrfs.map(({ table }) => table),
      ...nics.flatMap(nic => (nic.mode === 'routed' ? nic.network.families.map(({ table }) => table) : [])),
    ]),
  };
}
