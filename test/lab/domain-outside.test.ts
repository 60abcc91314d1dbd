// A tap that somebody takes out of its VRF: main would route what the VM sends, by the management network. It is closed.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { sendFrames } from '../netns/frame-watch.ts';
import { udp } from '../netns/frames.ts';
import { attach, GATEWAY_MAC, OUTSIDE, succeeded, works } from '../netns/steps.ts';
import { capture } from '../support/capture.ts';
import { inside, ip, missingForNamespaces } from '../support/command.ts';
import type { Datacentre } from '../support/datacentre.ts';
import { missingModule } from '../support/modules.ts';
import { routedNic, startVm, type Vm } from '../support/vm.ts';

process.env.VMNET_TEST_DOMAIN = 'vrf';
const { buildDatacentre } = await import('../support/datacentre.ts');
const skip = missingForNamespaces() ?? missingModule('vrf') ?? false;
let datacentre: Datacentre;
let vm: Vm;

before(async () => {
  if (skip !== false) return;
  datacentre = await buildDatacentre({ program: 'dist' });
  vm = await startVm(datacentre, 'a', datacentre.node1, routedNic(10, 'tap0'));
  await attach(vm);
});
after(() => datacentre?.close());

/** Which of the VM's addresses the management network saw as the source of a datagram. */
async function leaked(): Promise<readonly string[]> {
  const { segments } = datacentre;
  const sniffer = await capture(segments, segments.management, 'udp');
  const ends = { fromMac: vm.nic.mac, toMac: GATEWAY_MAC };
  await sendFrames(vm, 'eth0', [
    udp({ ...ends, from: vm.address, to: OUTSIDE[0] }, 5000, 4242),
    udp({ ...ends, from: vm.address6, to: OUTSIDE[1] }, 5000, 4242),
  ]);
  await sleep(500);
  const lines = await sniffer.stop();
  return [vm.address, vm.address6].filter(one => lines.some(line => line.includes(`${one}.5000 > `)));
}

test('what it sends goes nowhere until repair, and it is the rule that stops it', { skip }, async () => {
  const { node1 } = datacentre;
  await works(datacentre, vm);
  await ip(node1, 'link', 'set', 'tap0', 'nomaster');
  assert.deepEqual(await leaked(), []);
  // IPv4 is stopped by rp_filter as well; IPv6 has nothing but this rule.
  assert.notEqual(await dropped(), 0);
  succeeded(await node1.vmnet(['repair']));
  await works(datacentre, vm);
});

/** What the rule has counted. */
async function dropped(): Promise<number> {
  const { stdout } = await inside(datacentre.node1, ['nft', 'list', 'chain', 'inet', 'vmnet', 'forward']);
  return Number(
    /packets (\d+) bytes \d+ drop comment "a tap outside/.exec(stdout)?.[1] ?? assert.fail(stdout),
  );
}
