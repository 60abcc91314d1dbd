// Attach: traffic in every direction, nothing done the second time, and a dry run that says exactly what would be done.
import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { inside, ip, ipBatch, missingForNamespaces, writeSysctl } from '../support/command.ts';
import { buildDatacentre, type Datacentre, type Node } from '../support/datacentre.ts';
import { stateOf } from '../support/state.ts';
import { routedNic, startVm, stopVm, type Vm } from '../support/vm.ts';
import { monitor } from './monitor.ts';
import {
  answers,
  attach,
  attachArgs,
  changesOf,
  GATEWAY_MAC,
  isClean,
  isSilent,
  nft,
  recordsOf,
  succeeded,
  sysctlsOf,
  works,
} from './steps.ts';

const skip = missingForNamespaces() ?? false;
let datacentre: Datacentre;
let vms: readonly Vm[];

before(async () => {
  if (skip !== false) return;
  datacentre = await buildDatacentre({ program: 'dist' });
  const { node1, node2 } = datacentre;
  vms = [
    await startVm(datacentre, 'a', node1, routedNic(10, 'tap0')),
    await startVm(datacentre, 'b', node1, routedNic(11, 'tap1')),
    await startVm(datacentre, 'c', node2, routedNic(12, 'tap0')),
  ];
});
after(() => datacentre?.close());

test('a VM that nobody has attached is not reached, and reaches nobody', { skip }, async () => {
  const [a] = vms as [Vm];
  await isSilent(datacentre.router, a.address, a.address6);
  await isSilent(a, '203.0.113.1', '2001:db8:ffff::1');
});

test('nft keeps no history of what it was told', { skip }, async () => {
  const written = () => statSync('/.nft.history', { throwIfNoEntry: false })?.mtimeMs;
  const before = written();
  await attach(vms[0] as Vm, '--dry-run');
  assert.equal(written(), before);
});

test('a dry run changes nothing, and its commands by hand give what attach gives', { skip }, async () => {
  const [a] = vms as [Vm];
  const { node1 } = datacentre;
  const before = { state: await stateOf(node1), sysctls: await sysctlsOf(node1) };
  const commands = succeeded(await node1.vmnet(attachArgs(a, '--dry-run')));
  assert.deepEqual({ state: await stateOf(node1), sysctls: await sysctlsOf(node1) }, before);
  assert.deepEqual(recordsOf(node1), []);
  await attach(a);
  const attached = { state: await stateOf(node1), sysctls: await sysctlsOf(node1) };
  assert.notDeepEqual(attached.state, before.state);
  succeeded(await node1.vmnet(['detach', 'tap0']));
  await byHand(node1, commands);
  assert.deepEqual({ state: await stateOf(node1), sysctls: await sysctlsOf(node1) }, attached);
  await works(datacentre, a);
});

test('routers, the outside and VMs on both nodes reach each other', { skip }, async () => {
  for (const vm of vms) await attach(vm);
  for (const vm of vms) {
    await works(datacentre, vm);
    const others = vms.filter(other => other !== vm);
    await answers(vm, ...others.flatMap(({ address, address6 }) => [address, address6]));
    await answers(vm, '192.0.2.1', '2001:db8:993::1');
    const neighbours = await ip(vm, 'neighbour', 'show', 'to', '192.0.2.1');
    assert.match(neighbours, new RegExp(GATEWAY_MAC), 'the tap is the router that a guest sees');
  }
  for (const node of [datacentre.node1, datacentre.node2]) await isClean(node);
});

test('attach again: an empty plan, and nothing happens in the kernel', { skip }, async () => {
  const [a] = vms as [Vm];
  const watch = await monitor(datacentre.node1);
  assert.equal(await changesOf(datacentre.node1, attachArgs(a)), 0);
  assert.deepEqual(await watch.stop(), []);
  // That the monitors would have told.
  const second = await monitor(datacentre.node1);
  await ip(datacentre.node1, 'link', 'set', 'tap0', 'group', '5');
  await nft(datacentre.node1, 'delete element inet vmnet taps { "tap0" }');
  assert.equal(await changesOf(datacentre.node1, attachArgs(a)), 2);
  assert.notEqual((await second.stop()).length, 0);
});

test('IPv6 is forwarded for our devices alone, or refused with the name of the sysctl', {
  skip,
}, async () => {
  const other = await buildDatacentre({ program: 'dist', forwarding6: false });
  try {
    const vm = await startVm(other, 'a', other.node1, routedNic(10, 'tap0'));
    const before = await stateOf(other.node1);
    const { exitCode, stderr } = await other.node1.vmnet(attachArgs(vm));
    const read = async (path: string) =>
      (await inside(other.node1, ['cat', `/proc/sys/net/ipv6/conf/${path}`])).stdout;
    assert.equal(await read('all/forwarding'), '0', 'that is for the administrator');
    if ((await read('tap0/force_forwarding')) === '') {
      assert.equal(exitCode, 69);
      assert.match(stderr, /net\.ipv6\.conf\.all\.forwarding/);
      assert.deepEqual(await stateOf(other.node1), before);
      return;
    }
    assert.equal(exitCode, 0, stderr);
    await works(other, vm);
    await isClean(other.node1);
    assert.equal(await read('mgmt/forwarding'), '0');
  } finally {
    other.close();
  }
});

test('a tap made anew under the old name is closed until it is attached', { skip }, async () => {
  const [, b] = vms as [Vm, Vm];
  await stopVm(b);
  const again = await startVm(datacentre, 'b2', datacentre.node1, b.nic);
  await ip(datacentre.node1, 'link', 'set', 'tap1', 'up');
  await isSilent(again, '203.0.113.1', '2001:db8:ffff::1');
  assert.equal((await datacentre.node1.vmnet(['check'])).exitCode, 1);
  await attach(again);
  await works(datacentre, again);
  await isClean(datacentre.node1);
});

/** Carries the printed commands out, each block by the tool that its heading names. */
async function byHand(node: Node, commands: string): Promise<void> {
  for (const block of commands.split(/^# /m).filter(Boolean)) {
    const [head = '', ...lines] = block.trimEnd().split('\n');
    if (head === 'sysctl -w') {
      for (const line of lines) {
        const [path = '', value = ''] = line.split('=');
        await writeSysctl(node, value, path);
      }
    } else if (head === 'nft -f -') await nft(node, ...lines);
    else if (head === 'ip -batch -') await ipBatch(node, lines);
    else {
      assert.equal(head, 'ip -6 -batch -');
      const input = `${lines.join('\n')}\n`;
      succeeded(await inside(node, ['ip', '-6', '-batch', '-'], { input }));
    }
  }
}
