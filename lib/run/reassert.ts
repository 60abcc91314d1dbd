import { asVmnetError, formatError, type VmnetError } from '../core/errors.ts';
import type { Ifname } from '../core/model/ifname.ts';
import { keyOf } from '../core/model/object.ts';
import { driftText } from '../core/plan/drift-text.ts';
import type { Step } from '../core/plan/plan.ts';
import type { Interest } from '../core/watch/event.ts';
import { dueAt, type Fights, fightOf, fought } from '../core/watch/fight.ts';
import type { Outcome } from '../core/watch/pace.ts';
import { announceBehind } from './announce.ts';
import { carriersOf } from './goal.ts';
import type { Context } from './ports.ts';
import { nicOfRecord } from './recorded.ts';
import { repair } from './repair.ts';

/** What a watch remembers from one look to the next. */
export interface Memory {
  readonly fights: Fights;
  /** What was complained of last: said once, and not at each event. */
  readonly complaints: readonly string[];
}

export interface Look {
  readonly outcome: Outcome;
  readonly memory: Memory;
}

/** What a look is told: the event that led to it, who has changed nftables last, and a clock in milliseconds. */
export interface Occasion {
  readonly event: string;
  readonly author?: string;
  /** Uplinks that carry frames again, or by another port. */
  readonly returned: readonly Ifname[];
  readonly now: () => number;
}

export const NO_MEMORY: Memory = { fights: new Map(), complaints: [] };

/** While it waits for its lock, nobody else gets a new one, and no signal is heard: so it is short, and repeated. */
const LOCK_MS = 200;
const NAMED = 4;

/**
 * Compares without a lock, and repairs under the locks of every other verb when something is lost. A NIC on its way up
 * or down looks like a loss, until its locks are free.
 */
export async function reassert(context: Context, memory: Memory, occasion: Occasion): Promise<Look> {
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
    const { plan } = await repair(withPatience(context, LOCK_MS), [], { dryRun: false });
    const fights = tell(context, memory.fights, plan.steps, occasion);
    const kind = plan.steps.length === 0 ? 'clean' : 'repaired';
    return { outcome: { kind }, memory: { fights, complaints } };
  } catch (thrown) {
    const error = asVmnetError(thrown);
    if (error.exit === 'busy') return { outcome: { kind: 'busy' }, memory };
    return {
      outcome: { kind: 'failed' },
      memory: { ...memory, complaints: complain(context, memory, [error]) },
    };
  }
}

/** A repair announces as well; this is for when nothing was lost but the memory of a switch. */
async function sayAgain(context: Context, { returned, event }: Occasion): Promise<void> {
  if (returned.length === 0) return;
  const taps = await announceBehind(context, returned);
  if (taps.length > 0) context.report('info', `announced ${taps.length} NICs again after ${event}`);
}

/** What the recorded NICs lie on, as they were resolved last. */
export function interestOf(context: Context): Interest {
  const nics = context.host.records.list().records.map(nicOfRecord);
  return {
    links: new Set(nics.flatMap(nic => [nic.request.ifname, ...carriersOf(nic)])),
    tables: new Set(
      nics.flatMap(nic => (nic.mode === 'routed' ? nic.network.families.map(({ table }) => table) : [])),
    ),
  };
}

function keysOf(steps: readonly Step[]): readonly string[] {
  return steps.map(step => keyOf(step.object));
}

function withPatience(context: Context, timeoutMs: number): Context {
  const { host } = context;
  return { ...context, host: { ...host, lock: (name, mode) => host.lock(name, mode, timeoutMs) } };
}

function complain(context: Context, memory: Memory, errors: readonly VmnetError[]): readonly string[] {
  const texts = errors.map(formatError);
  for (const text of texts) if (!memory.complaints.includes(text)) context.report('error', text);
  return texts;
}

/** One line for what was put back, and one for each fight that begins with it. */
function tell(context: Context, fights: Fights, steps: readonly Step[], occasion: Occasion): Fights {
  if (steps.length === 0) return fights;
  const named = steps.slice(0, NAMED).map(driftText).join(', ');
  const more = steps.length > NAMED ? `, and ${steps.length - NAMED} more` : '';
  const by = occasion.author === undefined ? '' : `; nftables was changed last by ${occasion.author}`;
  context.report('info', `put right after ${occasion.event}: ${named}${more}`);
  const now = occasion.now();
  const after = fought(fights, keysOf(steps), now);
  const [first] = after.begun;
  if (first === undefined) return after.fights;
  const { times = 0, since = now } = fightOf(after.fights, first) ?? {};
  const others = after.begun.length > 1 ? ` and ${after.begun.length - 1} more` : '';
  const seconds = Math.ceil((now - since) / 1000);
  context.report(
    'warn',
    `somebody keeps undoing ${first}${others}: put right ${times} times in ${seconds} s, from now on at growing intervals; ` +
      `the last event was ${occasion.event}${by}`,
  );
  return after.fights;
}
