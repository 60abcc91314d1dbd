// The hook is killed in the middle, at one moment after the other: what it leaves is closed, and the next attach mends it.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { capture } from '../support/capture.ts';
import { argvInside, missingForNamespaces, PATH } from '../support/command.ts';
import { buildDatacentre, type Datacentre, type Node } from '../support/datacentre.ts';
import { type State, stateOf } from '../support/state.ts';
import { routedNic, sendFrame, startVm, type Vm } from '../support/vm.ts';
import { udp } from './frames.ts';
import { GATEWAY_MAC, ganetiEnv, succeeded, works } from './steps.ts';

const skip = missingForNamespaces() ?? false;
const HOOK = join(import.meta.dirname, '../../dist/hooks/kvm-vif-bridge');
/** Parts of the time that an undisturbed run takes, since machines differ. */
const MOMENTS = [0.2, 0.3, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1];
let wholeMs: number;
let datacentre: Datacentre;
let node: Node;
let vm: Vm;
let undisturbed: State;
let untouched: State;

before(async () => {
  if (skip !== false) return;
  datacentre = await buildDatacentre({ program: 'dist' });
  node = datacentre.node1;
  vm = await startVm(datacentre, 'a', node, routedNic(10, 'tap0'));
  untouched = await stateOf(node);
  for (const _ of ['cold', 'warm']) {
    const start = performance.now();
    succeeded(await hook());
    wholeMs = performance.now() - start;
    undisturbed = await stateOf(node);
    succeeded(await node.vmnet(['detach', 'tap0']));
  }
});
after(() => datacentre?.close());

const env = () => ganetiEnv('tap0', vm.nic.mac, vm.address);

function hook() {
  return node.hook('kvm-vif-bridge', env());
}

/** Starts the hook and kills it, and all that it has started, after so long. */
async function killedHook(afterMs: number): Promise<'killed' | 'done'> {
  const { configFile: VMNET_CONFIG, stateDir: VMNET_STATE_DIR } = node;
  const [file = '', ...args] = argvInside(node, [HOOK]);
  const child = spawn(file, args, {
    env: { PATH, VMNET_CONFIG, VMNET_STATE_DIR, ...env() },
    stdio: 'ignore',
    detached: true,
  });
  const ended = new Promise<NodeJS.Signals | null>(done => child.once('exit', (_, signal) => done(signal)));
  await sleep(afterMs);
  try {
    // The group: with it go `ip` and `nft`, so that none finishes what it had been told.
    process.kill(-(child.pid ?? 0), 'SIGKILL');
  } catch {
    // It was faster.
  }
  return (await ended) === 'SIGKILL' ? 'killed' : 'done';
}

const seen: string[] = [];

for (const part of MOMENTS) {
  test(`killed at ${100 * part} % of its time: closed, and mended by the next attach`, { skip }, async () => {
    seen.push(await killedHook(part * wholeMs));
    assert.deepEqual(await openTo(), [], 'a forged packet passed');
    const state = await stateOf(node);
    if (JSON.stringify(state) !== JSON.stringify(untouched)) seen.push('halfway');
    succeeded(await hook());
    assert.deepEqual(await stateOf(node), undisturbed);
    await works(datacentre, vm);
    succeeded(await node.vmnet(['detach', 'tap0']));
    assert.deepEqual(await stateOf(node), untouched);
  });
}

test('some of these were killed, and some of them halfway', { skip }, () => {
  assert.ok(seen.includes('killed') && seen.includes('halfway'), seen.join(' '));
});

/** Sends under addresses that are not the VM's, and says where it arrived: nowhere, closed or half open. */
async function openTo(): Promise<readonly string[]> {
  const { segments } = datacentre;
  const sniffers = await Promise.all(
    [segments.routed, segments.management].map(name => capture(segments, name, 'udp')),
  );
  // Within the subnet, which the guard watches too, and without.
  for (const from of ['192.0.2.77', '2001:db8:993::77', '203.0.113.99', '2001:db8:ffff::99']) {
    const to = from.includes(':') ? '2001:db8:abcd::1' : '198.18.0.1';
    await sendFrame(vm, 'eth0', udp({ from, to, fromMac: vm.nic.mac, toMac: GATEWAY_MAC }, 5000, 4242));
  }
  return (await Promise.all(sniffers.map(sniffer => sniffer.stop()))).flat();
}
