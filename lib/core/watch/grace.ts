/** What was found lost of the host's own, since when, and since when it is just this. Milliseconds of any clock. */
export interface Grace {
  readonly keys: string;
  readonly first: number;
  readonly since: number;
}

/** Who has just taken a link down may be about to bring it up again himself, and would find in his way what was put back. */
const QUIET_MS = 300;
/** But an `ifup` that takes its time must not keep a host off the network. */
const LONGEST_MS = 700;

/** When to put this back: as soon as it stays the same for a moment. */
export function graceOf(
  before: Grace | undefined,
  keys: readonly string[],
  now: number,
): { readonly grace: Grace; readonly until: number } {
  const text = keys.join('\n');
  const grace = {
    keys: text,
    first: before?.first ?? now,
    since: before?.keys === text ? before.since : now,
  };
  return { grace, until: Math.min(grace.since + QUIET_MS, grace.first + LONGEST_MS) };
}
