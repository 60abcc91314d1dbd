// Each question for one NIC goes through all the others' entries in the kernel: of many NICs, whole tables are read.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Query } from '../../lib/core/observed/query.ts';
import { attach } from '../../lib/run/attach.ts';
import { repair } from '../../lib/run/repair.ts';
import { memoryWorld } from '../support/memory-world.ts';
import { ROUTED } from '../support/shapes.ts';

/** How often `ip` is asked for each reading of a repair of so many NICs, of which each has lost something. */
async function questionsOf(
  request: (typeof ROUTED)[number]['request'],
  nics: number,
): Promise<readonly number[]> {
  const world = memoryWorld();
  for (let n = 5; n < nics + 5; n += 1) {
    await world.makeTap(`tap${n}`);
    await attach(world.context, request(`tap${n}`, n), { dryRun: false });
    await world.sysctl(`net/ipv4/conf/tap${n}/rp_filter`, '2');
    await world.sysctl(`net/ipv6/conf/tap${n}/accept_ra`, '1');
  }
  const asked: Query[] = [];
  const host: typeof world.context.host = {
    ...world.context.host,
    exchange: (batches, query) => {
      asked.push(typeof query === 'function' ? query() : query);
      return world.context.host.exchange(batches, query);
    },
  };
  const { plan } = await repair({ ...world.context, host }, [], { dryRun: false });
  assert.ok(plan.steps.length >= nics, `${plan.steps.length} steps`);
  return asked.map(({ links, routes, proxies }) => {
    const ofLinks = links === 'all' ? 1 : links.length;
    return ofLinks + routes.length + proxies.length;
  });
}

for (const { name, request } of ROUTED) {
  test(`${name}: repairing more NICs asks no more of ip`, async () => {
    const ten = await questionsOf(request, 10);
    assert.ok(ten.length >= 2, 'read before and after');
    assert.deepEqual(await questionsOf(request, 20), ten);
  });
}
