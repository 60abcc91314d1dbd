import type { VmnetError } from '../core/errors.ts';
import type { Ifname } from '../core/model/ifname.ts';
import type { NicRecord } from '../core/model/record.ts';
import type { Plan } from '../core/plan/plan.ts';
import { announceNics } from './announce.ts';
import { goalOf } from './attach.ts';
import { changesOf, recordsOf, surroundingErrors } from './check.ts';
import { apply, prepare, refuseForeign } from './converge.ts';
import type { Change } from './goal.ts';
import type { Context } from './ports.ts';
import { resolvedOf } from './recorded.ts';
import { contradictions } from './taken.ts';

export interface Repaired {
  readonly plan: Plan;
  readonly taps: readonly Ifname[];
  /** NICs that were left as they are, and why. */
  readonly errors: readonly VmnetError[];
}

/** Attach from the record: of the named taps, or of all in one plan, so that a node is back in one transaction. */
export async function repair(
  context: Context,
  taps: readonly Ifname[],
  options: { dryRun: boolean },
): Promise<Repaired> {
  const lock = options.dryRun ? undefined : context.host.lock('host', 'exclusive');
  try {
    const { records, broken } = recordsOf(context, taps);
    const { changes, errors } = await changesOf(context, records);
    const first = await prepare(context, goalOf(context, changes));
    const failing = surroundingErrors(changes, first.before);
    const sound = changes.filter(change => !failing.some(one => one.change === change));
    const prepared = sound.length === changes.length ? first : await prepare(context, goalOf(context, sound));
    refuseForeign(prepared);
    if (!options.dryRun && prepared.plan.steps.length > 0) {
      const nics = sound.flatMap(change => change.nic ?? []);
      await apply(context, prepared, after => announceNics(context, nics, after.links));
    }
    if (!options.dryRun) keepRecords(context, sound);
    const left = failing.map(({ error }) => error);
    return {
      plan: prepared.plan,
      taps: sound.map(change => change.tap),
      errors: [...broken, ...errors, ...left, ...contradictions(sound, context.config.settings)],
    };
  } finally {
    lock?.release();
  }
}

/**
 * The configuration may have changed since the attach: down must know what repair has made of it. A run that was
 * interrupted after its last change has left a record that is pending.
 */
function keepRecords(context: Context, changes: readonly Change[]): void {
  for (const { nic, record } of changes) {
    if (nic === undefined || record === undefined) continue;
    const { was: _, ...kept } = record;
    const now: NicRecord = { ...kept, ...resolvedOf(nic, context.config.settings), state: 'applied' };
    if (JSON.stringify(now) !== JSON.stringify(record)) context.host.records.write(now);
  }
}
