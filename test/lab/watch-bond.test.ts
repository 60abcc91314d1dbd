// A bond changes over to its other port: the switch is told by which port the VMs are reached now.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { execaSync } from 'execa';
import { attach, isClean, works } from '../netns/steps.ts';
import { startWatch } from '../netns/watching.ts';
import { capture } from '../support/capture.ts';
import { ip, ipBatch, missingForNamespaces, PATH } from '../support/command.ts';
import { buildDatacentre, publicNetwork } from '../support/datacentre.ts';
import { stateOf } from '../support/state.ts';
import { routedNic, startVm } from '../support/vm.ts';

const skip = missingForNamespaces() ?? missingBond() ?? false;

test('a bond fails over: its VMs are announced by the port that is left, and nothing is lost', {
  skip,
}, async () => {
  const datacentre = await buildDatacentre({ program: 'dist', config: publicNetwork('bond0') });
  try {
    const { node1, segments } = datacentre;
    await ipBatch(segments, [
      `link add n1up9 type veth peer name up9 netns ${node1.ns}`,
      `link set n1up9 master ${segments.routed} up`,
    ]);
    await ipBatch(node1, [
      'link set up0 down',
      'link add bond0 type bond mode active-backup miimon 50 primary_reselect failure',
      'link set up0 master bond0',
      'link set up9 master bond0',
      'link set bond0 up',
    ]);
    const vm = await startVm(datacentre, 'a', node1, routedNic(10, 'tap0'));
    // Its link-local address is tentative at first.
    await sleep(3000);
    await attach(vm);
    await works(datacentre, vm);
    const watching = await startWatch(node1);
    await sleep(5000);
    const was = await stateOf(node1);
    const sniffer = await capture(segments, 'n1up9', 'arp');
    await ip(segments, 'link', 'set', 'n1up0', 'down');
    await sniffer.until(new RegExp(`${vm.address} is-at|who-has ${vm.address} .*tell ${vm.address}`), 10_000);
    await sniffer.stop();
    await works(datacentre, vm);
    await isClean(node1);
    assert.deepEqual(await stateOf(node1), was);
    assert.equal(await watching.stop(), 0);
  } finally {
    datacentre.close();
  }
});

function missingBond(): string | undefined {
  const probe = `vmt${process.pid}-bond`;
  const run = (...args: string[]) => execaSync('ip', args, { env: { PATH }, reject: false });
  run('netns', 'add', probe);
  const { exitCode } = run('-n', probe, 'link', 'add', 'bond0', 'type', 'bond');
  run('netns', 'del', probe);
  return exitCode === 0 ? undefined : 'needs a kernel with bonds; make lab boots one';
}
