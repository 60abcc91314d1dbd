// Xen's vif script, with programs in the place of xenstore's and a veth in the place of the backend's device.
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { type CommandResult, inside, ip, missingForNamespaces } from '../support/command.ts';
import { buildDatacentre, type Datacentre, type Node } from '../support/datacentre.ts';
import { stateOf } from '../support/state.ts';
import { bridgedNic, type GuestNic, makeTap, routedNic, startVm, stopVm, type Vm } from '../support/vm.ts';
import { answers, isClean, recordsOf, succeeded, works } from './steps.ts';

const skip = missingForNamespaces() ?? false;
const SCRIPT = join(import.meta.dirname, '../../dist/hooks/xen/vif-vmnet');
const NIC = 'backend/vif/1/0';
let datacentre: Datacentre;
let node: Node;
let vms = 0;

before(async () => {
  if (skip !== false) return;
  datacentre = await buildDatacentre({ program: 'dist' });
  node = datacentre.node1;
  const programs = besideConfig('programs');
  mkdirSync(programs, { recursive: true });
  const program = (name: string, text: string) =>
    writeFileSync(join(programs, name), `#!/bin/sh\ncd '${besideConfig('store')}' || exit 1\n${text}\n`, {
      mode: 0o755,
    });
  program(
    'xenstore-read',
    '[ ! -e down ] || { echo "could not connect" >&2; exit 1; }\n' +
      '[ -f "./$1" ] || { echo "xenstore-read: couldn\'t read path $1" >&2; exit 1; }\ncat "./$1"; echo',
  );
  program(
    'xenstore-write',
    'case "$*" in *connected) [ ! -e full ] || { echo "could not write" >&2; exit 1; };; esac\n' +
      'while [ $# -ge 2 ]; do mkdir -p "$(dirname "./$1")"; printf %s "$2" >"./$1"; shift 2; done',
  );
});
beforeEach(() => {
  if (skip !== false) return;
  for (const place of ['store', 'nics.d']) rmSync(besideConfig(place), { recursive: true, force: true });
  mkdirSync(besideConfig('store'));
});
after(() => datacentre?.close());

function besideConfig(...path: readonly string[]): string {
  return join(dirname(node.configFile), ...path);
}

function put(text: string, ...path: readonly string[]): string {
  const file = besideConfig(...path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
  return file;
}

function store(keys: Readonly<Record<string, string>>, guest: string = 'web1'): void {
  put(guest, 'store', 'local/domain/1/name');
  for (const [key, value] of Object.entries(keys)) put(value, 'store', NIC, key);
}

function stored(key: string): string | undefined {
  const file = besideConfig('store', NIC, key);
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
}

/** As libxl: nothing in the environment but the device, and whatever PATH; the programs are where Xen's may be. */
function asXen(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<CommandResult> {
  const own = { VMNET_CONFIG: node.configFile, VMNET_STATE_DIR: node.stateDir };
  const all = { vif: 'vif1.0', XENBUS_PATH: NIC, XENBUS_TYPE: 'vif', script: 'vif-vmnet', ...own, ...env };
  const words = Object.entries(all).map(([key, value]) => `${key}=${value}`);
  const shell = 'mount --bind "$0" /usr/local/sbin && umask 0077; cd /; PATH=; exec "$@"';
  return inside(node, [
    ...['env', '-i', 'PATH=/usr/bin:/bin', ...words, '/bin/sh', '-c', shell],
    ...[besideConfig('programs'), SCRIPT, ...args],
  ]);
}

const online = (env = {}) => asXen(['online', 'type_if=vif'], env);
const offline = (env = {}) => asXen(['offline', 'type_if=vif'], env);

async function startGuest(nic: GuestNic): Promise<Vm> {
  vms += 1;
  return startVm(datacentre, `x${vms}`, node, nic);
}

function refused(result: CommandResult, exit: number, ...names: readonly string[]): void {
  assert.equal(result.exitCode, exit, result.stderr);
  assert.equal(result.stderr.trim().split('\n').length, 1, result.stderr);
  assert.equal(stored('hotplug-status'), 'error');
  for (const text of [result.stderr, stored('hotplug-error') ?? ''])
    for (const name of names) assert.ok(text.includes(name), `${name}: ${text}`);
}

test('a bridged NIC, by xenstore alone', { skip }, async () => {
  const before = await stateOf(node);
  const vm = await startGuest(bridgedNic(20, 'vif1.0'));
  store({ mac: vm.nic.mac, bridge: 'br0', ip: `${vm.address} ${vm.address6}` });
  assert.deepEqual(await online(), { exitCode: 0, stdout: '', stderr: '' });
  assert.equal(stored('hotplug-status'), 'connected');
  await answers(datacentre.router, vm.address, vm.address6);
  await isClean(node);
  succeeded(await offline());
  assert.deepEqual(recordsOf(node), []);
  await stopVm(vm);
  assert.deepEqual(await stateOf(node), before);
});

test('a routed NIC, by its name and the file of that name', { skip }, async () => {
  const before = await stateOf(node);
  const vm = await startGuest(routedNic(21, 'vif1.0'));
  // What libxl writes when the guest's configuration has no bridge.
  store({ mac: vm.nic.mac, bridge: 'xenbr0', ip: vm.address, vifname: 'web1-0' });
  put('[nic]\nnetwork = public\n', 'nics.d', 'web1-0.ini');
  assert.deepEqual(await online(), { exitCode: 0, stdout: '', stderr: '' });
  assert.equal(stored('hotplug-status'), 'connected');
  assert.deepEqual(recordsOf(node), ['web1-0.json']);
  await works(datacentre, vm);
  await isClean(node);
  // Once more, as after a restart of the backend.
  succeeded(await online());
  await works(datacentre, vm);
  // The tap of the emulated NIC has the same address, and is left alone.
  await makeTap(node, 'vif1.0-emu');
  const emulated = await asXen(['add', 'type_if=tap'], { INTERFACE: 'vif1.0-emu' });
  assert.equal(emulated.exitCode, 0, emulated.stderr);
  assert.match(await ip(node, 'link', 'show', 'web1-0-emu'), /state DOWN/);
  succeeded(await asXen(['remove', 'type_if=tap'], { INTERFACE: 'vif1.0-emu' }));
  await ip(node, 'link', 'delete', 'web1-0-emu');
  await works(datacentre, vm);
  assert.equal(succeeded(await offline()), '');
  assert.deepEqual(recordsOf(node), []);
  await stopVm(vm);
  assert.deepEqual(await stateOf(node), before);
});

test('what another call is for is not done', { skip }, async () => {
  store({ mac: 'aa:00:00:35:6d:01', bridge: 'br0' });
  succeeded(await asXen(['add', 'type_if=vif']));
  succeeded(await asXen(['online', 'type_if=tap'], { INTERFACE: 'vif1.0-emu' }));
  assert.equal(stored('hotplug-status'), undefined);
});

test('a refusal is told in xenstore as well', { skip }, async () => {
  const vm = await startGuest(routedNic(22, 'vif1.0'));
  const { mac } = vm.nic;
  store({ ip: vm.address, bridge: 'br0' });
  refused(await online(), 65, `${NIC}/mac`);
  store({ mac, ip: '192.0.2.300' });
  refused(await online(), 65, `${NIC}/ip`, '192.0.2.300');
  store({ mac, ip: vm.address, bridge: 'nobridge0' });
  refused(await online(), 65, 'nobridge0');
  store({ mac, ip: vm.address, bridge: '' });
  refused(await online(), 65, 'nics.d/vif1.0.ini');
  const file = put('[nic]\nnetwork = public\nmac = aa:00:00:35:6d:99\n', 'nics.d', 'vif1.0.ini');
  refused(await online(), 65, 'mac', file, NIC);
  put('[nic]\nnetwrk = public\n', 'nics.d', 'vif1.0.ini');
  refused(await online(), 78, `${file}:2`);
  store({ vifname: 'up0' });
  put('[nic]\nnetwork = public\n', 'nics.d', 'up0.ini');
  refused(await online(), 71, 'up0');
  // Of which nothing may come to the link that has the name.
  succeeded(await offline());
  assert.match(await ip(node, 'link', 'show', 'up0'), /state UP/);
  assert.match(await ip(node, 'link', 'show', 'vif1.0'), /vif1\.0/);
  assert.deepEqual(recordsOf(node), []);
  await stopVm(vm);
});

test('a NIC that Xen is not told of is none', { skip }, async () => {
  const vm = await startGuest(routedNic(23, 'vif1.0'));
  store({ mac: vm.nic.mac, ip: vm.address, vifname: 'web1-0' });
  put('[nic]\nnetwork = public\n', 'nics.d', 'web1-0.ini');
  put('', 'store', 'full');
  refused(await online(), 71, 'could not write');
  assert.deepEqual(recordsOf(node), []);
  // One that was there before is left as it is.
  rmSync(besideConfig('store', 'full'));
  await ip(node, 'link', 'set', 'web1-0', 'name', 'vif1.0');
  succeeded(await online());
  put('', 'store', 'full');
  refused(await online(), 71, 'could not write');
  await works(datacentre, vm);
  rmSync(besideConfig('store', 'full'));
  succeeded(await offline());
  await stopVm(vm);
});

test('a link that has the name, and is not the device', { skip }, async () => {
  await makeTap(node, 'web1-0');
  const before = await stateOf(node);
  store({ mac: 'aa:00:00:35:6d:01', ip: '192.0.2.24', vifname: 'web1-0' });
  put('[nic]\nnetwork = public\n', 'nics.d', 'web1-0.ini');
  refused(await online(), 65, 'vif1.0', 'web1-0');
  assert.deepEqual(recordsOf(node), []);
  assert.deepEqual(await stateOf(node), before);
  await ip(node, 'link', 'delete', 'web1-0');
});

test('calls that are none', { skip }, async () => {
  const wrong: [readonly string[], Readonly<Record<string, string>>, string][] = [
    [[], {}, 'argument 1'],
    [['move'], {}, 'argument 1'],
    [['online'], { vif: '' }, '$vif'],
    [['online'], { XENBUS_PATH: 'x; y' }, '$XENBUS_PATH'],
  ];
  for (const [args, env, where] of wrong) {
    const { exitCode, stderr } = await asXen(args, env);
    assert.equal(exitCode, 65);
    assert.ok(stderr.includes(where) && stderr.trim().split('\n').length === 1, stderr);
  }
});

test('down succeeds whatever it is told, and whatever there is of xenstore', { skip }, async () => {
  const calls: [readonly string[], Readonly<Record<string, string>>][] = [
    [['offline'], {}],
    [['offline', 'type_if=vif'], { vif: 'vif9.9' }],
    [['offline'], { vif: '' }],
    [['offline'], { XENBUS_PATH: 'nonsense' }],
    [['remove'], {}],
    [['remove', 'type_if=tap'], { INTERFACE: 'vif1.0-emu' }],
  ];
  for (const state of ['empty', 'down']) {
    if (state === 'down') put('', 'store', 'down');
    for (const [args, env] of calls) assert.equal((await asXen(args, env)).exitCode, 0, args.join(' '));
  }
  const { exitCode, stderr } = await online();
  assert.equal(exitCode, 71);
  assert.match(stderr, /xenstore-read/);
});
