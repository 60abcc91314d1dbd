/** How the last look at the kernel has ended, as far as the next one depends on it. */
export type Outcome =
  | { readonly kind: 'clean' | 'repaired' | 'busy' | 'failed' }
  /** Somebody fights about all that is lost; until then it is left. */
  | { readonly kind: 'held'; readonly until: number };

export interface Pace {
  /** No look before it; milliseconds of any clock. */
  readonly earliest: number;
  /** The time of a look that comes by itself, without an event. */
  readonly again?: number;
  readonly gap: number;
  readonly ended: number;
}

export const AT_REST: Pace = { earliest: 0, gap: 0, ended: Number.NEGATIVE_INFINITY };

/** What belongs together comes within this: an ifdown, a reload. */
export const SETTLE_MS = 40;
const SHORTEST_MS = 100;
/** Under endless events that lead to nothing, one look in this time. */
const LONGEST_MS = 700;
const FAILED_MS = 1000;
/** After a failure, for what an event may have cured, and without any event. */
const LONGEST_FAILED_MS = 8000;
const LONGEST_ALONE_MS = 60_000;
const QUIET_MS = 2000;

const WEIGHT = ['clean', 'repaired', 'held', 'busy', 'failed'] as const;

/** Of two looks that were one after the other, what the next one depends on. */
export function both(one: Outcome, other: Outcome): Outcome {
  if (one.kind === 'held' && other.kind === 'held')
    return { kind: 'held', until: Math.min(one.until, other.until) };
  return WEIGHT.indexOf(one.kind) > WEIGHT.indexOf(other.kind) ? one : other;
}

/** When the next look may be, after one that began at `began` and ended at `now`. */
export function paceAfter(pace: Pace, outcome: Outcome, began: number, now: number): Pace {
  const quiet = began - pace.ended > QUIET_MS;
  const longer = (shortest: number, longest: number) => Math.min(Math.max(pace.gap * 2, shortest), longest);
  if (outcome.kind === 'failed') {
    const gap = longer(FAILED_MS, LONGEST_ALONE_MS);
    return { earliest: now + Math.min(gap, LONGEST_FAILED_MS), again: now + gap, gap, ended: now };
  }
  if (outcome.kind === 'busy')
    return { earliest: now, again: now + SHORTEST_MS, gap: SHORTEST_MS, ended: now };
  const gap = outcome.kind === 'clean' && !quiet ? longer(SHORTEST_MS, LONGEST_MS) : SHORTEST_MS;
  const next = { earliest: now + gap, gap, ended: now };
  return outcome.kind === 'held' ? { ...next, again: outcome.until } : next;
}
