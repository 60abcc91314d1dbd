// Ganeti 3.2 takes a NIC down on the source before it brings it up on the target. Its calls, replayed in that order, as
// the router's other side sees them.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { down, routedEnv, up } from '../netns/moves.ts';
import { isClean } from '../netns/steps.ts';
import { buildDatacentre, type Node } from '../support/datacentre.ts';
import { startProbe } from '../support/probe.ts';
import { arriveVm, routedNic, startVm, type Vm } from '../support/vm.ts';
import { figure, ms, ratio } from './figures.ts';

const datacentre = await buildDatacentre({ program: 'dist' });
after(() => datacentre.close());

test('a migration of 3.2, source down before target up', async () => {
  const { router, node1, node2 } = datacentre;
  const alone = await attachAlone(await startVm(datacentre, 'alone', node2, routedNic(11, 'tap9')), node2);
  const vm = await startVm(datacentre, 'vm', node1, routedNic(10, 'tap0'));
  await up(node1, routedEnv(vm, 'tap0'));
  const addresses = [vm.address, vm.address6];
  const probes = await Promise.all(addresses.map(address => startProbe(router, address)));
  const arrive = await arriveVm(vm, node2, 'tap3');
  await up(node2, routedEnv(vm, 'tap3'), 'pre');
  await down(node1, routedEnv(vm, 'tap0'));
  const moved = await arrive();
  const called = Date.now();
  await up(node2, routedEnv(moved, 'tap3'), 'post');
  await sleep(1000);
  for (const [i, probe] of probes.entries()) {
    const { answers, longestGapMs, silentMs } = await probe.stop();
    assert.ok(silentMs < 800, `${addresses[i]} does not answer after the migration`);
    const ours = Math.min(...[...answers.values()].filter(time => time > called)) - called;
    assert.ok(Number.isFinite(ours), `${addresses[i]}: no answer after the call`);
    figure(
      `live migration, 3.2's order replayed, ${addresses[i]}: ${ms(longestGapMs)} without answer: ${ms(ours)} from the call of vmnet on the target, ${ratio(ours, alone)}`,
    );
  }
  await isClean(node1);
  await isClean(node2);
});

/** Milliseconds that the NIC script takes: the median of five. */
async function attachAlone(vm: Vm, node: Node): Promise<number> {
  const env = routedEnv(vm, vm.nic.tap);
  const times: number[] = [];
  for (let round = 0; round < 5; round += 1) {
    const begin = performance.now();
    await up(node, env);
    times.push(performance.now() - begin);
    await down(node, env);
  }
  return times.sort((a, b) => a - b)[2] ?? Number.NaN;
}
