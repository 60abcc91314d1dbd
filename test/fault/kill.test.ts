// vmnet is killed at each operation in turn: the NIC is never open, and the next run ends where an undisturbed one does.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { gc } from '../../lib/run/gc.ts';
import { differences } from '../support/differences.ts';
import {
  ATTACHES,
  type Case,
  DETACHES,
  nicOf,
  REPAIRS,
  stateOf,
  undisturbed,
  worldOf,
} from '../support/faults.ts';
import { KILLED } from '../support/memory-kernel.ts';
import { openings } from '../support/openings.ts';

for (const [verb, cases] of Object.entries({ attach: ATTACHES, repair: REPAIRS, detach: DETACHES })) {
  describe(`${verb} is killed`, () => {
    for (const one of cases) test(one.name, () => killEverywhere(one));
  });
}

async function killEverywhere(one: Case): Promise<void> {
  const { operations, after } = await undisturbed(one);
  for (const [index, { kind, text }] of operations.entries()) {
    const where = `before operation ${index + 1}, ${kind} ${text}`;
    const world = await worldOf(one);
    const nic = await nicOf(world, one);
    const open = openings(world.kernel.state, nic);
    world.kernel.arm({ at: index + 1, how: 'die' });
    // Whoever catches it can do nothing: nothing comes after.
    await one.act(world).catch(thrown => assert.ok(isKilled(thrown), where));
    assert.equal(world.kernel.operations.length, index + 1, where);
    const still = openings(world.kernel.state, nic).filter(opening => !open.includes(opening));
    assert.deepEqual(still, [], where);
    world.kernel.arm();
    await one.act(world);
    await gc(world.context, { dryRun: false });
    assert.deepEqual(differences(await stateOf(world), after), [], where);
  }
}

function isKilled(thrown: unknown): boolean {
  return thrown === KILLED || (thrown instanceof Error && thrown.cause === KILLED);
}
