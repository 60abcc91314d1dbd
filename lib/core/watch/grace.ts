/** What was found lost of the host's own, since when, and since when it is just this. Milliseconds of any clock. */
export interface Grace {
  readonly keys: string;
  readonly began: number;
  /** When nobody was at it any more. */
  readonly first: number;
  readonly since: number;
}

/** Who has just taken a link down may be about to bring it up again himself, and would fail on what was put back. */
const QUIET_MS = 300;
/** But what changes all the time must not keep a host off the network. */
const LONGEST_MS = 700;
/** Nor may a program that hangs, such as an `ifup` that waits for a carrier. */
const LONGEST_BUSY_MS = 60_000;

/** When to put this back: as soon as it stays the same for a moment, and nobody who is `busy` with links is at it. */
export function graceOf(
  before: Grace | undefined,
  keys: readonly string[],
  now: number,
  busy: boolean,
): { readonly grace: Grace; readonly until: number } {
  const text = keys.join('\n');
  const began = before?.began ?? now;
  const waits = busy && now - began < LONGEST_BUSY_MS;
  const grace = {
    keys: text,
    began,
    first: waits ? now : (before?.first ?? now),
    since: !waits && before?.keys === text ? before.since : now,
  };
  return { grace, until: Math.min(grace.since + QUIET_MS, grace.first + LONGEST_MS) };
}
