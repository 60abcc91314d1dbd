// libvirt's hooks, as libvirt calls them: a domain on standard input, its state in /run/libvirt/qemu.
import assert from 'node:assert/strict';
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type CommandResult, inside, missingForNamespaces } from '../support/command.ts';
import { buildDatacentre, type Datacentre, type Node, publicNetwork } from '../support/datacentre.ts';
import { stateOf } from '../support/state.ts';
import { bridgedNic, routedNic, startVm, type Vm } from '../support/vm.ts';
import { answers, isClean, isSilent, recordsOf, succeeded, works } from './steps.ts';

const skip = missingForNamespaces() ?? false;
const HOOKS = join(import.meta.dirname, '../../dist/hooks/libvirt');
let datacentre: Datacentre;
let node: Node;
let routed: Vm;
let bridged: Vm;
let untouched: unknown;

before(async () => {
  if (skip !== false) return;
  const config = `${publicNetwork('up0')}[network lan]\nmode = bridged\nlink = br0\n`;
  datacentre = await buildDatacentre({ program: 'dist', config });
  node = datacentre.node1;
  routed = await startVm(datacentre, 'a', node, routedNic(10, 'vnet0'));
  bridged = await startVm(datacentre, 'b', node, bridgedNic(20, 'vnet1'));
  untouched = await stateOf(node);
});
after(() => datacentre?.close());
afterEach(async () => {
  if (skip !== false) return;
  rmSync(runDirectory(), { recursive: true, force: true });
  for (const tap of ['vnet0', 'vnet1']) succeeded(await node.vmnet(['detach', tap]));
});

const runDirectory = () => join(dirname(node.configFile), 'run');

interface Shape {
  /** Of the routed NIC; without one, libvirt has not made the taps yet. */
  readonly taps?: boolean;
  readonly network?: string;
}

/** A domain with a NIC of each kind, and two that are none of vmnet's: behind libvirt's own NAT, and without a tap. */
function domain({ taps = true, network = 'public' }: Shape = {}): string {
  const target = (tap: string) => (taps ? `<target dev='${tap}'/>` : '');
  return `<domain type='kvm'><name>web</name><uuid>7ae63b5f-fe96-4af0-a7c3-da04ba1b3f54</uuid>
  <metadata><vmnet:nics xmlns:vmnet='urn:vmnet:nic'><vmnet:nic mac='${routed.nic.mac}' network='${network}' mode='routed'>
    <vmnet:ip address='${routed.address}'/></vmnet:nic></vmnet:nics></metadata>
  <devices>
    <interface type='bridge'><mac address='${bridged.nic.mac}'/><source bridge='br0'/>${target('vnet1')}
      <filterref filter='none'><parameter name='IP' value='${bridged.address}'/>
        <parameter name='IPV6' value='${bridged.address6}'/></filterref></interface>
    <interface type='ethernet'><mac address='${routed.nic.mac}'/>${target('vnet0')}</interface>
    <interface type='network'><mac address='52:54:00:00:00:09'/><source network='default' bridge='virbr0'/>
      ${target('vnet7')}</interface>
    <interface type='user'><mac address='52:54:00:00:00:0a'/></interface>
  </devices></domain>`;
}

/** With a /run of the test's own. */
function hook(name: 'qemu' | 'network', args: readonly string[], input: string): Promise<CommandResult> {
  mkdirSync(join(runDirectory(), 'libvirt/qemu'), { recursive: true });
  const shell = 'mount --bind "$0" /run && umask 077 && cd /tmp && exec "$@"';
  return inside(node, ['/bin/sh', '-c', shell, runDirectory(), join(HOOKS, name), ...args], {
    env: { VMNET_CONFIG: node.configFile, VMNET_STATE_DIR: node.stateDir, HOME: '/nonexistent' },
    input,
  });
}

const qemu = (operation: string, input: string) => hook('qemu', ['web', ...operation.split(' '), '-'], input);

function putState(state: string, reason: string): void {
  const file = join(runDirectory(), 'libvirt/qemu/web.xml');
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(`${file}.new`, `<domstatus state='${state}' reason='${reason}'>${domain()}</domstatus>`);
  renameSync(`${file}.new`, file);
}

async function quietly(result: Promise<CommandResult>): Promise<void> {
  const { stdout, stderr, exitCode } = await result;
  assert.deepEqual({ stdout, stderr, exitCode }, { stdout: '', stderr: '', exitCode: 0 });
}

async function refused(result: Promise<CommandResult>, exit: number, what: RegExp): Promise<void> {
  const { stdout, stderr, exitCode } = await result;
  assert.equal(exitCode, exit, stderr);
  assert.equal(stdout, '');
  assert.match(stderr, what);
  assert.equal(stderr.trim().split('\n').length, 1, stderr);
}

test('from prepare to release: both kinds of NIC, and neither libvirt NAT nor a NIC without tap', {
  skip,
}, async () => {
  await quietly(qemu('prepare begin', domain({ taps: false })));
  await quietly(qemu('start begin', domain({ taps: false })));
  assert.deepEqual(await stateOf(node), untouched);
  await quietly(qemu('started begin', domain()));
  assert.deepEqual([...recordsOf(node)].sort(), ['vnet0.json', 'vnet1.json']);
  await works(datacentre, routed);
  await answers(datacentre.router, bridged.address, bridged.address6);
  await isClean(node);
  await quietly(qemu('stopped end', domain()));
  await quietly(qemu('release end', domain()));
  assert.deepEqual(recordsOf(node), []);
  assert.deepEqual(await stateOf(node), untouched);
});

for (const operation of ['migrate begin', 'restore begin', 'invented begin']) {
  test(`${operation}: a filter that changes nothing`, { skip }, async () => {
    await quietly(qemu(operation, domain({ taps: false })));
    assert.deepEqual(await stateOf(node), untouched);
  });
}

test('one NIC that cannot be: the start is refused, and the other one is not there either', {
  skip,
}, async () => {
  const ham = domain({ network: 'ham' });
  await refused(qemu('prepare begin', domain({ taps: false, network: 'ham' })), 65, /ham/);
  await refused(qemu('started begin', ham), 65, /ham/);
  assert.deepEqual(await stateOf(node), untouched);
  assert.deepEqual(recordsOf(node), []);
});

test('input that is no domain', { skip }, async () => {
  for (const text of ['', '<domain>', '<ham/>', 'ham', '<domain><name>web</name></domain']) {
    const { exitCode, stdout, stderr } = await qemu('started begin', text);
    assert.equal(exitCode, 65, `${text}: ${stderr}`);
    assert.equal(stdout, '');
    // libvirt would kill the VM.
    assert.equal((await qemu('reconnect begin', text)).exitCode, 0);
  }
  await refused(hook('qemu', ['web'], domain()), 65, /OPERATION/);
});

test('libvirt starts again: what was lost meanwhile is mended, and nothing else changes', {
  skip,
}, async () => {
  await quietly(qemu('started begin', domain()));
  const attached = await stateOf(node);
  await quietly(qemu('reconnect begin', domain()));
  assert.deepEqual(await stateOf(node), attached);
  await inside(node, ['nft', 'flush', 'ruleset']);
  await quietly(qemu('reconnect begin', domain()));
  assert.deepEqual(await stateOf(node), attached);
  await works(datacentre, routed);
});

test("a tap whose name is another VM's by now is left alone", { skip }, async () => {
  const args = [
    '--network',
    'public',
    '--mac',
    routed.nic.mac,
    '--ip',
    routed.address,
    '--instance',
    'other',
  ];
  succeeded(await node.vmnet(['attach', 'vnet0', ...args]));
  await quietly(qemu('stopped end', domain()));
  assert.deepEqual(recordsOf(node), ['vnet0.json']);
  await works(datacentre, routed);
});

test('an incoming migration: reached when the guest is here, and not before', { skip }, async () => {
  putState('paused', 'migration');
  await quietly(qemu('started begin', domain()));
  await isSilent(datacentre.router, routed.address, routed.address6);
  await isClean(node);
  // Saved again and again while memory is copied.
  putState('paused', 'migration');
  await sleep(300);
  await isSilent(datacentre.router, routed.address);
  putState('running', 'migrated');
  await soon(async () => !(await node.vmnet(['list'])).stdout.includes('arriving'));
  await works(datacentre, routed);
  await isClean(node);
});

test('an incoming migration that fails leaves nothing, and nobody who waits', { skip }, async () => {
  putState('paused', 'migration');
  await quietly(qemu('started begin', domain()));
  await quietly(qemu('stopped end', domain()));
  rmSync(join(runDirectory(), 'libvirt/qemu/web.xml'));
  await quietly(qemu('release end', domain()));
  assert.deepEqual(await stateOf(node), untouched);
  await soon(async () => !(await inside(node, ['ps', '-eo', 'args'])).stdout.includes('web arrived begin'));
});

test('with nothing but the tap: the NIC of a domain that runs', { skip }, async () => {
  putState('running', 'booted');
  const shell = 'mount --bind "$0" /run && exec "$@"';
  const vmnet = join(import.meta.dirname, '../../dist/vmnet.cjs');
  const env = { VMNET_CONFIG: node.configFile, VMNET_STATE_DIR: node.stateDir };
  succeeded(await inside(node, ['/bin/sh', '-c', shell, runDirectory(), vmnet, 'attach', 'vnet0'], { env }));
  await works(datacentre, routed);
});

test('the network hook collects what is left of ports', { skip }, async () => {
  const data = "<hookData><network><name>default</name><bridge name='virbr0'/></network></hookData>";
  for (const operation of [
    'start begin',
    'started begin',
    'updated begin',
    'port-deleted begin',
    'stopped end',
  ]) {
    await quietly(hook('network', ['default', ...operation.split(' '), '-'], data));
  }
  assert.deepEqual(await stateOf(node), untouched);
});

/** Within some seconds, since somebody else does it. */
async function soon(isSo: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 100; tries += 1) {
    if (await isSo()) return;
    await sleep(100);
  }
  assert.fail('it did not come to be');
}
