// An announcement takes the traffic of its addresses: whoever is not here must not make one.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VmnetError } from '../../lib/core/errors.ts';
import { parseIfname } from '../../lib/core/model/ifname.ts';
import { announce } from '../../lib/run/announce.ts';
import { attach } from '../../lib/run/attach.ts';
import { type MemoryWorld, memoryWorld } from '../support/memory-world.ts';
import { ROUTED } from '../support/shapes.ts';

const tap0 = parseIfname('tap0', 'test');

async function silent({ context, announced }: MemoryWorld): Promise<void> {
  const before = announced.length;
  const isRefusal = (error: unknown) => error instanceof VmnetError && error.exit === 'request';
  await assert.rejects(announce(context, tap0), isRefusal);
  assert.equal(announced.length, before);
}

for (const { name, request } of ROUTED) {
  test(`${name}: a NIC is announced while its tap is there, and neither later nor for another tap`, async () => {
    const world = memoryWorld();
    await world.makeTap('tap0');
    await attach(world.context, request('tap0', 5), { dryRun: false });
    const told = await announce(world.context, tap0);
    assert.deepEqual(
      told.map(({ address }) => address.text),
      world.announced.slice(-told.length).map(({ address }) => address.text),
    );
    assert.notEqual(told.length, 0);
    await world.removeTap('tap0');
    await silent(world);
    await world.makeTap('tap0');
    await silent(world);
  });
}
