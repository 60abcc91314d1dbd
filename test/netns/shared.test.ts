// What NICs of one node share, and one of them must not take from the others.
import assert from 'node:assert/strict';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { ip, missingForNamespaces } from '../support/command.ts';
import { buildDatacentre, type Datacentre } from '../support/datacentre.ts';
import { DOMAIN } from '../support/domain.ts';
import { stateOf } from '../support/state.ts';
import { makeTap, routedNic, startVm, type Vm } from '../support/vm.ts';
import { attach, attachArgs, ganetiEnv, isClean, recordsOf, succeeded, works } from './steps.ts';

const skip = missingForNamespaces() ?? false;
let datacentre: Datacentre;
let vm: Vm;

beforeEach(async () => {
  if (skip !== false) return;
  datacentre = await buildDatacentre({ program: 'dist' });
  vm = await startVm(datacentre, 'a', datacentre.node1, routedNic(10, 'tap0'));
  await attach(vm);
});
afterEach(() => datacentre?.close());

test('a NIC leaves while the uplink is down, and what the other needs stays', { skip }, async () => {
  const { node1 } = datacentre;
  await makeTap(node1, 'tap1');
  succeeded(await node1.vmnet(['attach', 'tap1', '--network', 'public', '--ip', '192.0.2.11']));
  await ip(node1, 'link', 'set', 'up0', 'down');
  succeeded(await node1.vmnet(['detach', 'tap1']));
  assert.deepEqual(recordsOf(node1), ['tap0.json']);
  await ip(node1, 'link', 'set', 'up0', 'up');
  succeeded(await node1.vmnet(['repair']));
  await works(datacentre, vm);
});

test("an uplink's table is not taken from it by a table of another name", { skip }, async () => {
  const { node1 } = datacentre;
  const route = ['default', 'via', '192.0.2.1', 'dev', 'up0', 'onlink', 'table', '994'];
  await ip(node1, 'route', 'add', ...route);
  await makeTap(node1, 'tap1');
  const before = await stateOf(node1);
  const args = ['attach', 'tap1', '--mode', 'routed', '--link', '994', '--ip', '198.51.100.9'];
  const { exitCode, stderr } = await node1.vmnet(args);
  assert.equal(exitCode, DOMAIN === 'vrf' ? 65 : 78, stderr);
  assert.match(stderr, DOMAIN === 'vrf' ? /vrf993/ : /tap0/);
  assert.deepEqual(await stateOf(node1), before);
  await works(datacentre, vm);
});

test("a network's gateway is not taken from it by another of the same link", { skip }, async () => {
  const { node1 } = datacentre;
  await makeTap(node1, 'tap1');
  const before = await stateOf(node1);
  const { NETWORK_NAME: _, ...env } = ganetiEnv('tap1', 'aa:00:00:00:00:11', '198.51.100.9');
  const other = {
    ...env,
    NETWORK_NAME: 'other',
    NETWORK_SUBNET: '198.51.100.0/24',
    NETWORK_GATEWAY: '198.51.100.1',
  };
  const { exitCode, stderr } = await node1.hook('network/routed/up', other);
  assert.equal(exitCode, 78, stderr);
  assert.deepEqual(await stateOf(node1), before);
  await works(datacentre, vm);
});

test('a tap that is named like the link group of a network takes nothing of it', { skip }, async () => {
  const { node1 } = datacentre;
  await makeTap(node1, '993');
  succeeded(await node1.vmnet(['attach', '993', '--network', 'public', '--ip', '192.0.2.12']));
  succeeded(await node1.vmnet(['detach', '993']));
  await works(datacentre, vm);
  await isClean(node1);
});

test('the loopback device is no tap', { skip }, async () => {
  const { exitCode } = await datacentre.node1.vmnet([
    'attach',
    'lo',
    '--network',
    'public',
    '--ip',
    '192.0.2.13',
  ]);
  assert.equal(exitCode, 65);
  assert.deepEqual(recordsOf(datacentre.node1), ['tap0.json']);
});

test('after a lost record, attach and detach leave the tap down and in no network', { skip }, async () => {
  const { node1 } = datacentre;
  rmSync(join(node1.stateDir, 'nics/tap0.json'));
  await attach(vm);
  succeeded(await node1.vmnet(['detach', 'tap0']));
  const [link] = JSON.parse(await ip(node1, '-j', '-N', 'link', 'show', 'dev', 'tap0'));
  assert.ok(!link.flags.includes('UP') && ['0', 'default'].includes(link.group), JSON.stringify(link));
});

test('a record that cannot be read costs its living NIC nothing', { skip }, async () => {
  const { node1 } = datacentre;
  const other = await startVm(datacentre, 'b', node1, routedNic(11, 'tap1'));
  await attach(other);
  writeFileSync(join(node1.stateDir, 'nics/tap0.json'), '{');
  assert.equal((await node1.vmnet(['gc'])).exitCode, 74);
  succeeded(await node1.vmnet(['detach', 'nosuch0']));
  succeeded(await node1.vmnet(['detach', 'tap1']));
  await works(datacentre, vm);
  succeeded(await node1.vmnet(attachArgs(vm)));
  await isClean(node1);
});

test('attached NICs follow a new subnet at the next repair', { skip }, async () => {
  const { node1 } = datacentre;
  const config = readFileSync(node1.configFile, 'utf8');
  writeFileSync(node1.configFile, config.replaceAll('2001:db8:993::', '2001:db8:994::'));
  succeeded(await node1.vmnet(['repair']));
  await isClean(node1);
  const routes = await ip(node1, '-6', 'route', 'show', 'table', '993');
  assert.match(routes, /2001:db8:994:0:a800.* dev tap0/);
  assert.doesNotMatch(routes, /2001:db8:993:0:a800/);
});
