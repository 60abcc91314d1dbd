// The scripts of `-netdev tap,script=,downscript=`, called as QEMU does: the tap is the argument, and nothing else is told.
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { type CommandResult, inside, missingForNamespaces } from '../support/command.ts';
import { buildDatacentre, type Datacentre, type Node } from '../support/datacentre.ts';
import { stateOf } from '../support/state.ts';
import { makeTap, routedNic, startVm } from '../support/vm.ts';
import { isClean, recordsOf, succeeded, works } from './steps.ts';

const skip = missingForNamespaces() ?? false;
const HOOKS = join(import.meta.dirname, '../../dist/hooks');
let datacentre: Datacentre;
let node: Node;

before(async () => {
  if (skip !== false) return;
  datacentre = await buildDatacentre({ program: 'dist' });
  node = datacentre.node1;
});
after(() => datacentre?.close());

function nicFile(tap: string, text: string): string {
  const path = join(dirname(node.configFile), 'nics.d', `${tap}.ini`);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  return path;
}

/** QEMU's environment is its caller's, here none at all, and it leaves the tap's descriptor open for the script. */
function asQemu(hook: string, ...args: readonly string[]): Promise<CommandResult> {
  const words = [`VMNET_CONFIG=${node.configFile}`, `VMNET_STATE_DIR=${node.stateDir}`];
  const shell = 'umask 0077; cd /; PATH=; exec 7<>/dev/null; exec "$0" "$@"';
  return inside(node, ['env', '-i', ...words, '/bin/sh', '-c', shell, join(HOOKS, hook), ...args]);
}

/** A refusal: the exit code, one line that says all of `names`, and nothing done. */
function refused(result: CommandResult, exit: number, ...names: readonly string[]): void {
  assert.equal(result.exitCode, exit, result.stderr);
  assert.equal(result.stderr.trim().split('\n').length, 1, result.stderr);
  for (const name of names) assert.ok(result.stderr.includes(name), result.stderr);
  assert.equal(result.stdout, '');
}

test('up attaches what the file of the tap says, and down takes it away', { skip }, async () => {
  const vm = await startVm(datacentre, 'a', node, routedNic(10, 'tap0'));
  nicFile('tap0', `[nic]\nnetwork = public\nmac = ${vm.nic.mac}\nip = ${vm.address}\ninstance = web1\n`);
  const before = await stateOf(node);
  for (const time of ['first', 'again']) {
    const { stdout, stderr } = await asQemu('qemu-ifup', 'tap0').then(result => {
      succeeded(result);
      return result;
    });
    assert.deepEqual([stdout, stderr], ['', ''], time);
    await works(datacentre, vm);
    await isClean(node);
  }
  for (const time of ['first', 'again']) {
    assert.equal(succeeded(await asQemu('qemu-ifdown', 'tap0')), '', time);
    assert.deepEqual(await stateOf(node), before);
    assert.deepEqual(recordsOf(node), []);
  }
});

test('up refuses what it cannot know', { skip }, async () => {
  await makeTap(node, 'tap1');
  await makeTap(node, 'None');
  const before = await stateOf(node);
  const missing = await asQemu('qemu-ifup', 'tap1');
  refused(missing, 65, 'nics.d/tap1.ini');
  refused(await asQemu('qemu-ifup'), 65, 'argument 1');
  refused(await asQemu('qemu-ifup', ''), 65, 'argument 1');
  refused(await asQemu('qemu-ifup', "b'tap1'"), 65, 'argument 1', 'tap1');
  refused(await asQemu('qemu-ifup', '../tap1'), 65, 'argument 1');
  refused(await asQemu('qemu-ifup', 'None'), 65, 'nics.d/None.ini');
  const path = nicFile('tap1', '[nic]\nnetwork = public\nmac = nonsense\n');
  refused(await asQemu('qemu-ifup', 'tap1'), 78, `${path}:3`, 'nonsense');
  nicFile('tap1', '[nic]\nnetwork = public\nmac = aa:00:00:35:6d:01\nip = 192.0.2.9\n');
  chmodSync(path, 0o666);
  refused(await asQemu('qemu-ifup', 'tap1'), 78, path);
  nicFile('tap9', '[nic]\nnetwork = public\nmac = aa:00:00:35:6d:01\nip = 192.0.2.9\n');
  refused(await asQemu('qemu-ifup', 'tap9'), 65, 'tap9');
  assert.deepEqual(await stateOf(node), before);
  assert.deepEqual(recordsOf(node), []);
});

test('down succeeds whatever it is told', { skip }, async () => {
  const before = await stateOf(node);
  for (const args of [[], [''], ['None'], ['tap7'], ['tap1'], ['up0'], ['mgmt']])
    assert.deepEqual(await asQemu('qemu-ifdown', ...args), { exitCode: 0, stdout: '', stderr: '' });
  const bytes = await asQemu('qemu-ifdown', "b'tap1'");
  assert.deepEqual([bytes.exitCode, bytes.stdout], [0, '']);
  assert.deepEqual(await stateOf(node), before);
});

test('a Ganeti that names no tap when a NIC goes is not answered', { skip }, async () => {
  for (const hook of ['kvm-ifdown-custom', 'network/routed/down', 'network/bridged/down']) {
    for (const env of [{}, { INTERFACE: '' }, { INTERFACE: 'None' }]) {
      const { exitCode, stdout, stderr } = await node.hook(hook, env, ['None']);
      assert.deepEqual([exitCode, stdout, stderr], [0, '', ''], hook);
    }
  }
});

test("the announcement that is repeated holds no descriptor of QEMU's", { skip }, async () => {
  const vm = await startVm(datacentre, 'b', node, routedNic(12, 'tap2'));
  nicFile('tap2', `[nic]\nnetwork = public\nmac = ${vm.nic.mac}\nip = ${vm.address}\n`);
  const held = join(dirname(node.configFile), 'held');
  writeFileSync(held, '');
  const shell = `exec 7<"$0" 23<"$0"; "$@"`;
  const { VMNET_CONFIG, VMNET_STATE_DIR } = { VMNET_CONFIG: node.configFile, VMNET_STATE_DIR: node.stateDir };
  const argv = ['/bin/bash', '-c', shell, held, join(HOOKS, 'qemu-ifup'), 'tap2'];
  succeeded(await inside(node, argv, { env: { VMNET_CONFIG, VMNET_STATE_DIR } }));
  const holders = await inside(node, ['find', '/proc', '-maxdepth', '3', '-path', '*/fd/*', '-lname', held]);
  assert.equal(holders.stdout, '');
  succeeded(await asQemu('qemu-ifdown', 'tap2'));
});
