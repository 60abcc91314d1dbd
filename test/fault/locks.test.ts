// Beside another run, which holds the host's lock as one of many or alone.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VmnetError } from '../../lib/core/errors.ts';
import { parseIfname } from '../../lib/core/model/ifname.ts';
import { attach } from '../../lib/run/attach.ts';
import { detach } from '../../lib/run/detach.ts';
import { gc } from '../../lib/run/gc.ts';
import { repair } from '../../lib/run/repair.ts';
import { differences } from '../support/differences.ts';
import { stateOf } from '../support/faults.ts';
import { type MemoryWorld, memoryWorld } from '../support/memory-world.ts';
import { ROUTED } from '../support/shapes.ts';
import { bridged } from '../support/world.ts';

const now = { dryRun: false };
const tap0 = parseIfname('tap0', 'test');

async function busy(world: MemoryWorld, run: () => Promise<unknown>): Promise<void> {
  const before = await stateOf(world);
  await assert.rejects(run(), (error: unknown) => error instanceof VmnetError && error.exit === 'busy');
  assert.deepEqual(differences(await stateOf(world), before), []);
}

for (const { name, request } of ROUTED) {
  test(`${name}: the first of a network has to be alone, the second has not`, async () => {
    const world = memoryWorld();
    const { context } = world;
    for (const tap of ['tap0', 'tap1']) await world.makeTap(tap);
    const other = context.host.lock('host', 'shared');
    await busy(world, () => attach(context, request('tap0', 5), now));
    other.release();
    await attach(context, request('tap0', 5), now);
    const another = context.host.lock('host', 'shared');
    await attach(context, request('tap1', 6), now);
    // Two that leave at once would each leave the network to the other.
    await busy(world, () => attach(context, bridged('tap0', 5), now));
    another.release();
    await attach(context, bridged('tap0', 5), now);
  });

  test(`${name}: the last of a network has to be alone`, async () => {
    const world = memoryWorld();
    const { context } = world;
    await world.makeTap('tap0');
    await attach(context, request('tap0', 5), now);
    const other = context.host.lock('host', 'shared');
    await busy(world, () => detach(context, tap0, now));
    await busy(world, () => gc(context, now));
    await busy(world, () => repair(context, [], now));
    other.release();
    await detach(context, tap0, now);
    assert.deepEqual(world.kernel.records(), {});
  });
}

test('one tap is one run at a time, and a dry run waits for nobody', async () => {
  const world = memoryWorld();
  const { context } = world;
  const [{ request } = assert.fail()] = ROUTED;
  await world.makeTap('tap0');
  const other = context.host.lock(tap0, 'exclusive');
  await busy(world, () => attach(context, request('tap0', 5), now));
  const { plan } = await attach(context, request('tap0', 5), { dryRun: true });
  assert.ok(plan.steps.length > 0);
  other.release();
  await attach(context, request('tap0', 5), now);
  const again = context.host.lock(tap0, 'exclusive');
  await busy(world, () => detach(context, tap0, now));
  again.release();
});

test('a run that failed leaves no lock behind', async () => {
  const world = memoryWorld();
  const { context, kernel } = world;
  const [{ request } = assert.fail()] = ROUTED;
  await world.makeTap('tap0');
  kernel.arm({ at: 10, how: 'fail' });
  await assert.rejects(attach(context, request('tap0', 5), now));
  for (const name of [tap0, 'host'] as const) context.host.lock(name, 'exclusive').release();
});
