import { askedOf } from '../core/desired/host.ts';
import { asVmnetError, VmnetError } from '../core/errors.ts';
import { dueAt } from '../core/watch/fight.ts';
import { graceOf } from '../core/watch/grace.ts';
import { hostUp } from './host.ts';
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

/** What is half made cannot be judged. */
const WAIT_MS = 300;
const OPTIONS = { recreate: false } as const;

/**
 * Puts back what the host has lost of what `vmnet host up` made or found. What was asked for since, and nobody has told
 * `vmnet host up` yet, is not the watch's to make; neither is what somebody is to confirm.
 */
export async function reassertHost(context: Context, memory: Memory, occasion: Occasion): Promise<Look> {
  const { grace: _, ...rested } = memory;
  try {
    const { hostRecord } = context.host;
    const record = hostRecord.read();
    if (record === undefined || occasion.unconfirmed())
      return { outcome: { kind: 'clean' }, memory: { ...rested, complaints: [] } };
    const asked = askedOf(context.config);
    if (record.asked !== asked) {
      const complaints = complain(context, memory, [otherFile()]);
      return { outcome: { kind: 'clean' }, memory: { ...rested, complaints } };
    }
    const seen = await hostUp(context, { ...OPTIONS, dryRun: true });
    const keys = keysOf(seen.plan.steps);
    if (keys.length === 0) return { outcome: { kind: 'clean' }, memory: { ...rested, complaints: [] } };
    const now = occasion.now();
    const { grace, until } = graceOf(memory.grace, keys, now, occasion.busy());
    const due = Math.max(until, dueAt(memory.fights, keys, now));
    if (due > now) return { outcome: { kind: 'held', until: due }, memory: { ...memory, grace } };
    // Under the lock, both may have changed.
    let done = false;
    const { plan } = await hostUp(withPatience(context), {
      ...OPTIONS,
      dryRun: false,
      guard: async (_, work) => {
        done = !occasion.unconfirmed() && hostRecord.read()?.asked === asked;
        if (done) await work();
      },
    });
    const fights = tell(context, memory.fights, done ? plan.steps : [], occasion);
    return { outcome: { kind: 'repaired' }, memory: { fights, complaints: [] } };
  } catch (thrown) {
    const error = asVmnetError(thrown);
    if (occasion.busy()) return { outcome: { kind: 'held', until: occasion.now() + WAIT_MS }, memory };
    if (error.exit !== 'config') return failedLook(context, rested, error);
    // A link that is needed is not there; its coming is an event.
    return {
      outcome: { kind: 'clean' },
      memory: { ...rested, complaints: complain(context, memory, [error]) },
    };
  }
}

function otherFile(): VmnetError {
  return new VmnetError(
    'config',
    "the file asks for other links of the host's than it did at vmnet host up",
    {
      hint: 'until the next vmnet host up, nothing of them is put back',
    },
  );
}
