/** What was put back, and until when it is not put back again. Times are milliseconds of any clock. */
export type Fights = ReadonlyMap<string, Fight>;

interface Fight {
  readonly times: number;
  readonly since: number;
  readonly last: number;
  readonly until: number;
}

/** This often something is put back at once; then somebody fights, and each time takes twice as long as the one before. */
const AT_ONCE = 5;
const FIRST_MS = 1000;
const LONGEST_MS = 60_000;
/** Left alone for this long after it could have been undone again, it is at peace. */
const PEACE_MS = 15_000;

/** These keys were put back just now. The fights that this has begun are in `begun`. */
export function fought(
  fights: Fights,
  keys: readonly string[],
  now: number,
): { readonly fights: Fights; readonly begun: readonly string[] } {
  const next = new Map([...fights].filter(([, fight]) => !isOver(fight, now)));
  const begun: string[] = [];
  for (const key of keys) {
    const before = next.get(key);
    const times = (before?.times ?? 0) + 1;
    const hold = times < AT_ONCE ? 0 : Math.min(FIRST_MS * 2 ** (times - AT_ONCE), LONGEST_MS);
    next.set(key, { times, since: before?.since ?? now, last: now, until: now + hold });
    if (times === AT_ONCE) begun.push(key);
  }
  return { fights: next, begun };
}

/** When to put these back: now, unless each of them is being fought about; a fight must not keep others waiting. */
export function dueAt(fights: Fights, keys: readonly string[], now: number): number {
  const times = keys.map(key => {
    const fight = fights.get(key);
    return fight === undefined || isOver(fight, now) ? now : fight.until;
  });
  return Math.max(now, Math.min(...times));
}

/** How often and for how long, for the one line about it. */
export function fightOf(fights: Fights, key: string): Fight | undefined {
  return fights.get(key);
}

function isOver(fight: Fight, now: number): boolean {
  return now > fight.until + PEACE_MS;
}
