// What vmnet vrf does with a management VRF made with plain ip: run, look, resolve. In both families.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { INSIDE, inVrfScene, OUTSIDE, onHost, skip, startForwarder, VMNET, vmnet } from './vrf-scene.ts';

inVrfScene();

test('list names the table, the ports and the defaults of both families', { skip }, async () => {
  const { stdout } = await vmnet('vrf', 'list', '--json');
  const [vrf, ...others] = JSON.parse(stdout);
  assert.deepEqual(others, []);
  assert.deepEqual([vrf.name, vrf.table, vrf.up, vrf.ports], ['mgmt', 1001, true, ['eth0']]);
  assert.deepEqual(vrf.defaults, {
    4: ['10.0.0.1 dev eth0', 'unreachable'],
    6: ['2001:db8::1 dev eth0', 'unreachable'],
  });
});

test('exec: the command is in the VRF, with its words, its output, its exit code and default signals', {
  skip,
}, async () => {
  const shown = await vmnet(
    'vrf',
    'exec',
    'mgmt',
    'sh',
    '-c',
    'ip vrf identify $$; echo "$@"; grep SigIgn /proc/self/status; exit 5',
    'sh',
    '--config',
    '007',
  );
  assert.equal(shown.stderr, '');
  assert.deepEqual(shown.stdout.split('\n'), ['mgmt', '--config 007', 'SigIgn:\t0000000000000000']);
  assert.equal(shown.exitCode, 5);
  const identified = await vmnet('vrf', 'exec', 'mgmt', '--', VMNET, 'vrf', 'identify');
  assert.equal(identified.stdout, 'mgmt');
  assert.equal((await vmnet('vrf', 'identify', '1')).stdout, '');
});

test('exec reaches the gateway by both families, and nothing outside does', { skip }, async () => {
  for (const address of ['10.0.0.1', '2001:db8::1']) {
    assert.equal(
      (await vmnet('vrf', 'exec', 'mgmt', 'ping', '-c', '1', '-W', '5', address)).exitCode,
      0,
      address,
    );
    assert.notEqual((await onHost('ping', '-c', '1', '-W', '1', address)).exitCode, 0, address);
  }
});

test('exec refuses, before the command starts', { skip }, async () => {
  const table: [readonly string[], number, RegExp][] = [
    [['nope', 'true'], 65, /nope/],
    [['eth0', 'true'], 65, /eth0/],
    [['mgmt'], 64, /command/],
    [['mgmt', '/no/such/program'], 127, /\/no\/such\/program/],
  ];
  for (const [words, code, says] of table) {
    const { exitCode, stderr, stdout } = await vmnet('vrf', 'exec', ...words);
    assert.deepEqual([exitCode, stdout], [code, ''], words.join(' '));
    assert.match(stderr, says);
    assert.equal(stderr.split('\n').length, 1);
  }
});

test('DNS: the same stub is answered by the VRF inside and by the host outside', { skip }, async () => {
  const before = await vmnet('vrf', 'dns', 'mgmt');
  assert.match(before.stdout, /in mgmt: .*nobody listens/);
  await startForwarder();
  const query = ['getent', 'ahostsv4', 'vm.test'];
  assert.match((await onHost(...query)).stdout, new RegExp(OUTSIDE));
  assert.match((await vmnet('vrf', 'exec', 'mgmt', ...query)).stdout, new RegExp(INSIDE));
  const explained = await vmnet('vrf', 'dns', 'mgmt');
  assert.doesNotMatch(explained.stdout, /nobody listens|fail/);
  assert.match(explained.stdout, /10\.0\.0\.1/);
});

test('pids names what runs in the VRF', { skip }, async () => {
  assert.match((await vmnet('vrf', 'pids', 'mgmt')).stdout, /^\d+ dnsmasq$/m);
});
