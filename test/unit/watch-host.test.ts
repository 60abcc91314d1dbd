import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Grace, graceOf } from '../../lib/core/watch/grace.ts';
import { both, type Outcome } from '../../lib/core/watch/pace.ts';

interface Seen {
  readonly at: number;
  readonly keys: string;
  readonly busy?: true;
}

/** Looks as the schedule has them, and when the last of them would put back what it sees. */
const CASES: readonly (readonly [what: string, seen: readonly Seen[], until: number])[] = [
  ['what is lost waits for a moment', [{ at: 0, keys: 'a' }], 300],
  [
    'and no longer, when nothing changes',
    [
      { at: 0, keys: 'a' },
      { at: 200, keys: 'a' },
    ],
    300,
  ],
  [
    'what changes begins anew',
    [
      { at: 0, keys: 'a' },
      { at: 200, keys: 'a b' },
    ],
    500,
  ],
  [
    'but not for ever',
    [
      { at: 0, keys: 'a' },
      { at: 250, keys: 'b' },
      { at: 500, keys: 'c' },
    ],
    700,
  ],
  [
    'who is at work is waited for',
    [
      { at: 0, keys: 'a' },
      { at: 5000, keys: 'a', busy: true },
    ],
    5300,
  ],
  [
    'and for a moment when he has ended',
    [
      { at: 0, keys: 'a', busy: true },
      { at: 5000, keys: 'a', busy: true },
      { at: 5300, keys: 'a' },
    ],
    5300,
  ],
  [
    'who hangs is not waited for',
    [
      { at: 0, keys: 'a', busy: true },
      { at: 59_900, keys: 'a', busy: true },
      { at: 60_200, keys: 'a', busy: true },
    ],
    60_200,
  ],
];

test('what the host has lost is left for a moment to whoever has taken it', () => {
  for (const [what, seen, until] of CASES) {
    let grace: Grace | undefined;
    let due = 0;
    for (const { at, keys, busy } of seen) {
      const next = graceOf(grace, [keys], at, busy === true);
      grace = next.grace;
      due = next.until;
    }
    assert.equal(due, until, what);
  }
});

test('of two looks the heavier tells when the next one is', () => {
  const held = (until: number): Outcome => ({ kind: 'held', until });
  assert.deepEqual(both(held(9), held(7)), held(7));
  assert.deepEqual(both({ kind: 'clean' }, held(7)), held(7));
  assert.deepEqual(both({ kind: 'failed' }, held(7)), { kind: 'failed' });
  assert.deepEqual(both({ kind: 'repaired' }, { kind: 'clean' }), { kind: 'repaired' });
  assert.deepEqual(both({ kind: 'repaired' }, { kind: 'busy' }), { kind: 'busy' });
});
