// What a scenario is, and how one compares a whole kernel.
import assert from 'node:assert/strict';
import type { World } from './world.ts';

export interface Scenario {
  readonly name: string;
  readonly run: (world: World) => Promise<void>;
}

/** The kernel is as it was; what differs is told, and not all that there is. */
export async function same(world: World, wanted: readonly string[], where?: string): Promise<void> {
  const found = await world.snapshot();
  assert.deepEqual(
    {
      unexpected: found.filter(line => !wanted.includes(line)),
      missing: wanted.filter(line => !found.includes(line)),
    },
    { unexpected: [], missing: [] },
    where,
  );
}
