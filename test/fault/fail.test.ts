// One operation fails, each in turn: an attach or a repair leaves what was before, a detach goes on.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { VmnetError } from '../../lib/core/errors.ts';
import { gc } from '../../lib/run/gc.ts';
import { differences } from '../support/differences.ts';
import { ATTACHES, DETACHES, REPAIRS, stateOf, undisturbed, worldOf } from '../support/faults.ts';

describe('attach and repair: what fails is undone', () => {
  for (const one of [...ATTACHES, ...REPAIRS]) {
    test(one.name, async () => {
      const { operations, before, after } = await undisturbed(one);
      assert.ok(operations.length > 2);
      for (const [index, { kind, text }] of operations.entries()) {
        const at = index + 1;
        const world = await worldOf(one);
        world.kernel.arm({ at, how: 'fail' });
        const thrown = await one.act(world).then(
          () => undefined,
          (error: unknown) => error,
        );
        const where = `operation ${at}, ${kind} ${text}`;
        const found = await stateOf(world);
        if (kind === 'announce') {
          assert.equal(thrown, undefined, where);
          assert.deepEqual(differences(found, after), [], where);
          continue;
        }
        // What is left of a dead one is no reason to say that a NIC is not there.
        const isDead = kind === 'record' && text.startsWith('remove');
        const exit = thrown instanceof VmnetError ? thrown.exit : thrown;
        assert.equal(exit, isDead ? undefined : kind === 'record' ? 'record' : 'kernel', where);
        // What a repair notes last is no reason to undo what is in order.
        const kept = isDead || (kind === 'record' && REPAIRS.includes(one));
        const last = kept && !operations.slice(at).some(next => next.kind !== 'record');
        if (!last) assert.deepEqual(differences(found, before), [], where);
        world.kernel.arm();
        await one.act(world);
        await gc(world.context, { dryRun: false });
        assert.deepEqual(differences(await stateOf(world), after), [], `${where}, and again`);
      }
    });
  }
});

describe('detach: what fails is looked at again, and nothing stays', () => {
  for (const one of DETACHES) {
    test(one.name, async () => {
      const { operations, after } = await undisturbed(one);
      for (const [index, { kind, text }] of operations.entries()) {
        const at = index + 1;
        const world = await worldOf(one);
        world.kernel.arm({ at, how: 'fail' });
        const thrown = await one.act(world).then(
          () => undefined,
          (error: unknown) => error,
        );
        const where = `operation ${at}, ${kind} ${text}`;
        // Who cannot even look cannot go on; and a record that stays is what the next detach starts from.
        const ends = kind === 'record' || (kind === 'read' && index === 0);
        assert.equal(thrown instanceof VmnetError, ends, `${where}: ${thrown}`);
        world.kernel.arm();
        if (ends) await one.act(world);
        assert.deepEqual(differences(await stateOf(world), after), [], where);
      }
    });
  }
});
