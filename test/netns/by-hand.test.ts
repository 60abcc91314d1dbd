// `vmnet attach TAP` and nothing else: the NIC is looked up where an administrator or a hypervisor has written it down.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, afterEach, before, test } from 'node:test';
import { type CommandResult, inside, missingForNamespaces } from '../support/command.ts';
import { buildDatacentre, type Datacentre, type Node } from '../support/datacentre.ts';
import { stateOf } from '../support/state.ts';
import { routedNic, startVm, type Vm } from '../support/vm.ts';
import { attachArgs, isClean, recordsOf, succeeded, works } from './steps.ts';

const skip = missingForNamespaces() ?? false;
const VMNET = join(import.meta.dirname, '../../dist/vmnet.cjs');
let datacentre: Datacentre;
let node: Node;
let vm: Vm;
let stateBefore: unknown;

before(async () => {
  if (skip !== false) return;
  datacentre = await buildDatacentre({ program: 'dist' });
  node = datacentre.node1;
  vm = await startVm(datacentre, 'a', node, routedNic(10, 'tap0'));
  stateBefore = await stateOf(node);
});
after(() => datacentre?.close());
afterEach(async () => {
  if (skip !== false) return;
  succeeded(await node.vmnet(['detach', 'tap0']));
  assert.deepEqual(await stateOf(node), stateBefore);
  for (const place of ['nics.d', 'run']) rmSync(besideConfig(place), { recursive: true, force: true });
});

function besideConfig(...path: readonly string[]): string {
  return join(dirname(node.configFile), ...path);
}

function put(text: string, ...path: readonly string[]): string {
  const file = besideConfig(...path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  return file;
}

/** Ganeti's files of an instance; a path of a test instead of the real one is what the mount below is for. */
function putInstance(name: string, taps: readonly string[], nics: readonly object[]): void {
  const root = ['run', 'ganeti', 'kvm-hypervisor'];
  for (const [index, tap] of taps.entries()) put(tap, ...root, 'nic', name, String(index));
  put(JSON.stringify([['kvm'], nics, {}, []]), ...root, 'conf', `${name}.runtime`);
}

function ganetiNic(mac: string, ip: string | null): object {
  const network = { name: 'public', network: '192.0.2.0/24', gateway: '192.0.2.1', tags: [] };
  return {
    mac,
    ip,
    nicparams: { mode: 'routed', link: 'public_993', vlan: '' },
    netinfo: { ...network, network6: '2001:db8:993::/64', gateway6: '2001:db8:993::1' },
  };
}

/** With a /run that has what the test has written and nothing of this machine's; `ip netns exec` keeps the mount to itself. */
function byHand(...args: readonly string[]): Promise<CommandResult> {
  mkdirSync(besideConfig('run'), { recursive: true });
  const shell = 'mount --bind "$0" /run && exec "$@"';
  return inside(node, ['/bin/sh', '-c', shell, besideConfig('run'), VMNET, 'attach', ...args], {
    env: { VMNET_CONFIG: node.configFile, VMNET_STATE_DIR: node.stateDir },
  });
}

function refused(result: CommandResult, exit: number, ...names: readonly string[]): void {
  assert.equal(result.exitCode, exit, result.stderr);
  assert.equal(result.stderr.trim().split('\n').length, 1, result.stderr);
  for (const name of names) assert.ok(result.stderr.includes(name), `${name}: ${result.stderr}`);
}

test('a file in nics.d', { skip }, async () => {
  put(`[nic]\nnetwork = public\nmac = ${vm.nic.mac}\nip = ${vm.address}\n`, 'nics.d', 'tap0.ini');
  const dry = await byHand('tap0', '--dry-run');
  assert.equal(succeeded(dry), succeeded(await node.vmnet([...attachArgs(vm), '--dry-run'])));
  assert.deepEqual(await stateOf(node), stateBefore);
  succeeded(await byHand('tap0'));
  await works(datacentre, vm);
  await isClean(node);
});

test("Ganeti's runtime files", { skip }, async () => {
  putInstance('web0', ['tap7'], [ganetiNic('aa:00:00:35:6d:77', null)]);
  const nics = [ganetiNic('aa:00:00:35:6d:78', null), ganetiNic(vm.nic.mac, vm.address)];
  putInstance('web1', ['tap9', 'tap0'], nics);
  assert.match(succeeded(await byHand('tap0', '--dry-run')), /tap0/);
  assert.deepEqual(recordsOf(node), []);
  succeeded(await byHand('tap0'));
  await works(datacentre, vm);
  await isClean(node);
  const { request } = JSON.parse(readFileSync(join(node.stateDir, 'nics', 'tap0.json'), 'utf8'));
  assert.equal(request.instance, 'web1');
});

test('both at once complete each other', { skip }, async () => {
  put('[nic]\nnetwork = public\ntag = a:b\n', 'nics.d', 'tap0.ini');
  putInstance('web1', ['tap0'], [ganetiNic(vm.nic.mac, vm.address)]);
  succeeded(await byHand('tap0'));
  await works(datacentre, vm);
  const { request } = JSON.parse(readFileSync(join(node.stateDir, 'nics', 'tap0.json'), 'utf8'));
  assert.deepEqual([request.instance, request.tags], ['web1', ['a:b']]);
});

test('a contradiction names both', { skip }, async () => {
  const file = put('[nic]\nnetwork = public\nmac = aa:00:00:35:6d:99\n', 'nics.d', 'tap0.ini');
  putInstance('web1', ['tap0'], [ganetiNic(vm.nic.mac, vm.address)]);
  refused(await byHand('tap0'), 65, 'mac', vm.nic.mac, file, 'kvm-hypervisor/nic');
  rmSync(file);
  putInstance('web2', ['tap0'], [ganetiNic(vm.nic.mac, vm.address)]);
  refused(await byHand('tap0', '--dry-run'), 65, 'web1', 'web2');
});

test('nobody has it, or what has it cannot be read', { skip }, async () => {
  const looked = [besideConfig('nics.d', 'tap0.ini'), '/var/run/ganeti/kvm-hypervisor/nic'];
  refused(await byHand('tap0'), 65, 'tap0', ...looked);
  refused(await byHand('tap0', '--dry-run'), 65, 'tap0', ...looked);
  putInstance('web0', ['tap7'], [ganetiNic('aa:00:00:35:6d:77', null)]);
  refused(await byHand('tap0'), 65, 'tap0', ...looked);
  refused(await byHand("b'tap0'"), 65, 'TAP');
  put('tap0', 'run', 'ganeti', 'kvm-hypervisor', 'nic', 'web3', '0');
  refused(await byHand('tap0'), 65, 'web3.runtime', 'web3');
  put('nonsense', 'run', 'ganeti', 'kvm-hypervisor', 'conf', 'web3.runtime');
  refused(await byHand('tap0'), 65, 'web3.runtime');
  const file = put('[nic]\nnetwrk = public\n', 'nics.d', 'tap0.ini');
  refused(await byHand('tap0'), 78, `${file}:2`, 'netwrk');
});

test('one flag is a NIC by flags', { skip }, async () => {
  put('[nic]\nnetwork = public\n', 'nics.d', 'tap0.ini');
  refused(await byHand('tap0', '--mac', vm.nic.mac), 65, 'tap0', '--mode');
});

test('config check reads the files of nics.d as well', { skip }, async () => {
  put('[nic]\nnetwork = public\n', 'nics.d', 'tap0.ini');
  put('[nic]\nnetwork = public\n', 'nics.d', 'tap1.ini');
  assert.match(succeeded(await node.vmnet(['config', 'check'])), /tap0, tap1/);
  const file = put('[nic]\nnetwork = pubic\n', 'nics.d', 'tap1.ini');
  refused(await node.vmnet(['config', 'check']), 78, `${file}:2`, 'pubic');
});
