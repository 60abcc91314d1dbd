// A VM moves to the other node while the router pings it; afterwards only the new node speaks for it.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { capture } from '../support/capture.ts';
import { ip, missingForNamespaces } from '../support/command.ts';
import { buildDatacentre, type Datacentre, type Node } from '../support/datacentre.ts';
import { startProbe } from '../support/probe.ts';
import { stateOf } from '../support/state.ts';
import { moveVm, routedNic, startVm, type Vm } from '../support/vm.ts';
import { attach, isClean, succeeded, works } from './steps.ts';

const skip = missingForNamespaces() ?? false;
let datacentre: Datacentre;
let vm: Vm;

before(async () => {
  if (skip !== false) return;
  datacentre = await buildDatacentre({ program: 'dist' });
  vm = await startVm(datacentre, 'a', datacentre.node1, routedNic(10, 'tap0'));
  await attach(vm);
});
after(() => datacentre?.close());

async function macOfUplink(node: Node): Promise<string> {
  return JSON.parse(await ip(node, '-j', 'link', 'show', 'dev', 'up0'))[0].address;
}

/** Whom the router takes for the VM, in both families. */
async function seenAs(): Promise<readonly string[]> {
  const entries = await Promise.all(
    [vm.address, vm.address6].map(address => ip(datacentre.router, '-j', 'neighbour', 'show', 'to', address)),
  );
  return entries.map(text => JSON.parse(text)[0]?.lladdr);
}

for (const [how, from, to, withDetach] of [
  ['the old node detaches', 'node1', 'node2', true],
  ['the old tap just vanishes', 'node2', 'node1', false],
] as const) {
  test(`the VM moves to ${to} and ${how}`, { skip }, async () => {
    const [old, next] = [datacentre[from], datacentre[to]];
    const [oldMac, nextMac] = [await macOfUplink(old), await macOfUplink(next)];
    await works(datacentre, vm);
    assert.deepEqual(await seenAs(), [oldMac, oldMac]);
    const probes = await Promise.all(
      [vm.address, vm.address6].map(address => startProbe(datacentre.router, address)),
    );
    const begun = Date.now();
    vm = await moveVm(vm, next, `tap${withDetach ? 3 : 0}`);
    await attach(vm);
    // Without a tap, nobody answers.
    const awayMs = Date.now() - begun;
    // From here on the old node is not to speak for the VM; it may still have been repeating what it said at attach.
    const told = await capture(datacentre.router, 'eth0', `ether src ${oldMac} and (arp or icmp6)`);
    if (withDetach) succeeded(await old.vmnet(['detach', 'tap0']));
    await sleep(4000);
    const lines = (await told.stop()).filter(line =>
      [vm.address, vm.address6].some(one => line.includes(one)),
    );
    assert.deepEqual(lines, [], 'the old node still says that the VM is there');
    for (const probe of probes) {
      const { longestGapMs, silentMs } = await probe.stop();
      assert.ok(
        longestGapMs < Math.max(5000, awayMs + 1000),
        `${longestGapMs} ms without an answer, away for ${awayMs} ms`,
      );
      assert.ok(silentMs < 1000, `silent for ${silentMs} ms at the end`);
    }
    assert.deepEqual(await seenAs(), [nextMac, nextMac]);
    await works(datacentre, vm);
    await isClean(next);
  });
}

test('gc takes what the vanished tap left', { skip }, async () => {
  const { node2 } = datacentre;
  assert.equal((await node2.vmnet(['check'])).exitCode, 1);
  succeeded(await node2.vmnet(['gc']));
  await isClean(node2);
  const { rules, nft, proxyNeighbours } = await stateOf(node2);
  assert.deepEqual([nft, proxyNeighbours, rules.filter(line => /"?priority"?=90/.test(line))], [[], [], []]);
});
