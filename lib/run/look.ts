import { asVmnetError, formatError, type VmnetError } from '../core/errors.ts';
import type { Ifname } from '../core/model/ifname.ts';
import { keyOf } from '../core/model/object.ts';
import { driftText } from '../core/plan/drift-text.ts';
import type { Step } from '../core/plan/plan.ts';
import { type Fights, fightOf, fought } from '../core/watch/fight.ts';
import type { Grace } from '../core/watch/grace.ts';
import type { Outcome } from '../core/watch/pace.ts';
import type { Context } from './ports.ts';

/** What a watch remembers of one kind of things from one look to the next. */
export interface Memory {
  readonly fights: Fights;
  /** What was complained of last: said once, and not at each event. */
  readonly complaints: readonly string[];
  /** What is lost and waits for whoever has taken it. */
  readonly grace?: Grace;
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
  /** Whether a change of the host's links is to be confirmed, or was not. */
  readonly unconfirmed: () => boolean;
  /** Whether a program that brings links up and down is at work. */
  readonly busy: () => boolean;
}

export const NO_MEMORY: Memory = { fights: new Map(), complaints: [] };

const LOCK_MS = 200;
const NAMED = 4;

/** How a look ends with an error: who has the locks is at work, and it comes back. */
export function failedLook(context: Context, memory: Memory, thrown: unknown): Look {
  const error = asVmnetError(thrown);
  if (error.exit === 'busy') return { outcome: { kind: 'busy' }, memory };
  return {
    outcome: { kind: 'failed' },
    memory: { ...memory, complaints: complain(context, memory, [error]) },
  };
}

export function keysOf(steps: readonly Step[]): readonly string[] {
  return steps.map(step => keyOf(step.object));
}

/** While it waits for its lock, nobody else gets a new one, and no signal is heard: so it is short, and repeated. */
export function withPatience(context: Context): Context {
  const { host } = context;
  return { ...context, host: { ...host, lock: (name, mode) => host.lock(name, mode, LOCK_MS) } };
}

/** Says what was not said by the look before, and gives what the next one is to remember. */
export function complain(context: Context, memory: Memory, errors: readonly VmnetError[]): readonly string[] {
  const texts = errors.map(formatError);
  for (const text of texts) if (!memory.complaints.includes(text)) context.report('error', text);
  return texts;
}

/** One line for what was put back, and one for each fight that begins with it. */
export function tell(context: Context, fights: Fights, steps: readonly Step[], occasion: Occasion): Fights {
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
