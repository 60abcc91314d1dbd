// The profiles that come with vmnet, and what of a guest is reached behind each.
import assert from 'node:assert/strict';
import type { Place } from '../support/command.ts';
import { type Reach, reach } from './reach.ts';

export const NOTHING: Reach = { ssh: false, http: false, ping: false };
export const ALL: Reach = { ssh: true, http: true, ping: true };

export const PROFILES_AND_WHAT: readonly (readonly [profile: string, expected: Reach])[] = [
  ['protected', NOTHING],
  ['limited', { ssh: true, http: false, ping: true }],
  ['unprotected', ALL],
];

export async function is(expected: Reach, from: Place, address: string, as?: string): Promise<void> {
  assert.deepEqual(
    await reach(from, address, as),
    expected,
    `${from.ns} to ${address}, as ${as ?? 'itself'}`,
  );
}
