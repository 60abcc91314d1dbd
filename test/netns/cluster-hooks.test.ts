// What Ganeti's cluster runs on a node before and after its operations, with the variables that it sets.
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { ip, missingForNamespaces } from '../support/command.ts';
import { buildDatacentre, type Datacentre, type Node } from '../support/datacentre.ts';
import { stateOf } from '../support/state.ts';
import { routedNic, startVm, stopVm, type Vm } from '../support/vm.ts';
import { attach, isClean, succeeded, works } from './steps.ts';

const skip = missingForNamespaces() ?? false;
let datacentre: Datacentre;
let vm: Vm;

before(async () => {
  if (skip !== false) return;
  datacentre = await buildDatacentre({ program: 'dist' });
  vm = await startVm(datacentre, 'a', datacentre.node1, routedNic(10, 'tap0'));
});
after(() => datacentre?.close());

const HEAD = {
  GANETI_HOOKS_VERSION: '2',
  GANETI_CLUSTER: 'cluster.example.test',
  GANETI_MASTER: 'node1.example.test',
  GANETI_DATA_DIR: '/var/lib/ganeti',
  GANETI_OBJECT_TYPE: 'INSTANCE',
};

function eventEnv(event: string, phase: string, more: Readonly<Record<string, string>> = {}) {
  return {
    ...HEAD,
    GANETI_HOOKS_PATH: event,
    GANETI_HOOKS_PHASE: phase,
    GANETI_OP_CODE: 'OP_TEST',
    GANETI_INSTANCE_NAME: 'web.example.test',
    GANETI_INSTANCE_PRIMARY: hostname(),
    GANETI_INSTANCE_SECONDARIES: '',
    GANETI_INSTANCE_STATUS: 'up',
    GANETI_INSTANCE_HYPERVISOR: 'kvm',
    GANETI_INSTANCE_TAGS: '',
    GANETI_INSTANCE_NIC_COUNT: '1',
    GANETI_INSTANCE_NIC0_MAC: 'aa:00:00:35:6d:0a',
    GANETI_INSTANCE_NIC0_IP: '192.0.2.10',
    GANETI_INSTANCE_NIC0_MODE: 'routed',
    GANETI_INSTANCE_NIC0_LINK: 'public_993',
    GANETI_INSTANCE_NIC0_NETWORK_NAME: 'public',
    ...more,
  };
}

const BRIDGED = {
  GANETI_INSTANCE_NIC0_MODE: 'bridged',
  GANETI_INSTANCE_NIC0_IP: '',
  GANETI_INSTANCE_NIC0_NETWORK_NAME: '',
};

const REFUSED: readonly (readonly [string, Readonly<Record<string, string>>, RegExp])[] = [
  ['a bridge that is not there', { ...BRIDGED, GANETI_INSTANCE_NIC0_LINK: 'br7' }, /br7/],
  ['a bridge that is none', { ...BRIDGED, GANETI_INSTANCE_NIC0_LINK: 'up0' }, /up0/],
  [
    'a table that nobody knows',
    { GANETI_INSTANCE_NIC0_LINK: 'nowhere', GANETI_INSTANCE_NIC0_NETWORK_NAME: '' },
    /nowhere/,
  ],
  ['an address outside the subnet', { GANETI_INSTANCE_NIC0_IP: '198.51.100.77' }, /198\.51\.100\.77/],
];

for (const event of ['instance-add', 'instance-start', 'instance-reboot']) {
  for (const [what, more, named] of REFUSED) {
    test(`${event}-pre refuses ${what}, and names the NIC`, { skip }, async () => {
      const before = await stateOf(datacentre.node1);
      const { exitCode, stderr } = await datacentre.node1.hook(
        `ganeti/${event}-pre`,
        eventEnv(event, 'pre', more),
      );
      assert.equal(exitCode, 65);
      assert.match(stderr, named);
      assert.match(stderr, /NIC 0 of web\.example\.test/);
      assert.deepEqual(await stateOf(datacentre.node1), before);
    });
  }
}

test('what the node can carry passes, and on another node nothing is asked', { skip }, async () => {
  const { node1 } = datacentre;
  for (const more of [{}, { ...BRIDGED, GANETI_INSTANCE_NIC0_LINK: 'br0' }])
    succeeded(await node1.hook('ganeti/instance-start-pre', eventEnv('instance-start', 'pre', more)));
  const elsewhere = {
    ...BRIDGED,
    GANETI_INSTANCE_NIC0_LINK: 'br7',
    GANETI_INSTANCE_PRIMARY: 'other.example.test',
  };
  succeeded(await node1.hook('ganeti/instance-start-pre', eventEnv('instance-start', 'pre', elsewhere)));
});

test('an uplink that is down is refused', { skip }, async () => {
  const { node1 } = datacentre;
  await ip(node1, 'link', 'set', 'up0', 'down');
  const { exitCode, stderr } = await node1.hook(
    'ganeti/instance-start-pre',
    eventEnv('instance-start', 'pre'),
  );
  await ip(node1, 'link', 'set', 'up0', 'up');
  assert.equal(exitCode, 65);
  assert.match(stderr, /up0/);
});

for (const version of ['1', '3', '20', '2.0', '', undefined]) {
  test(`hooks of version ${JSON.stringify(version)} are refused in words`, { skip }, async () => {
    const { GANETI_HOOKS_VERSION: _, ...env } = eventEnv('instance-start', 'pre');
    const { exitCode, stderr } = await datacentre.node1.hook('ganeti/instance-start-pre', {
      ...env,
      ...(version === undefined ? {} : { GANETI_HOOKS_VERSION: version }),
    });
    assert.equal(exitCode, 65, stderr);
    assert.match(stderr, /GANETI_HOOKS_VERSION/);
  });
}

const VLANS = ['.0', '.4095', '0', '4095', '10:20', '.10.20', ':', '.x', '.10:4095', '.-1'];

for (const vlan of VLANS) {
  test(`instance-modify-pre: VLAN ${vlan} is refused in words`, { skip }, async () => {
    const env = eventEnv('instance-modify', 'pre', { GANETI_INSTANCE_NIC0_VLAN: vlan });
    const { exitCode, stderr } = await datacentre.node1.hook('ganeti/instance-modify-pre', env);
    assert.equal(exitCode, 65, stderr);
    assert.match(stderr, /GANETI_INSTANCE_NIC0_VLAN/);
    assert.ok(stderr.includes(JSON.stringify(vlan)), stderr);
  });
}

test('instance-modify-pre asks for the NICs of an instance that is up, on the node where it is', {
  skip,
}, async () => {
  const missing = { ...BRIDGED, GANETI_INSTANCE_NIC0_LINK: 'br7' };
  const modified = (more: Readonly<Record<string, string>>) =>
    datacentre.node1.hook(
      'ganeti/instance-modify-pre',
      eventEnv('instance-modify', 'pre', { ...missing, ...more }),
    );
  const { exitCode, stderr } = await modified({});
  assert.equal(exitCode, 65, stderr);
  assert.match(stderr, /NIC 0 of web\.example\.test.*br7/);
  for (const more of [{ GANETI_INSTANCE_STATUS: 'down' }, { GANETI_INSTANCE_PRIMARY: 'other.example.test' }])
    succeeded(await modified(more));
});

test('verify reports drift and the watcher mends it', { skip }, async () => {
  const { node1 } = datacentre;
  await attach(vm);
  const verify = () =>
    node1.hook('ganeti/cluster-verify-post', { ...HEAD, ...eventEnv('cluster-verify', 'post') });
  succeeded(await verify());
  await ip(node1, 'route', 'delete', '192.0.2.10', 'table', '993');
  const found = await verify();
  assert.equal(found.exitCode, 1);
  assert.match(found.stderr, /192\.0\.2\.10/);
  succeeded(await node1.hook('ganeti/watcher', {}));
  succeeded(await verify());
  await works(datacentre, vm);
});

for (const event of ['stop', 'migrate', 'failover', 'remove', 'reboot', 'modify', 'start', 'rename', 'add']) {
  test(`instance-${event}-post collects what a tap that vanished has left`, { skip }, async () => {
    const { node1 } = datacentre;
    const empty = await leftOf(node1, event);
    assert.deepEqual(empty, []);
    await isClean(node1);
  });
}

/** Records that are left when a tap has gone without a word, and the hook has run twice. */
async function leftOf(node: Node, event: string): Promise<readonly string[]> {
  const guest = await startVm(datacentre, `p${event}`, node, routedNic(20, 'tap7'));
  await attach(guest);
  await stopVm(guest);
  const env = eventEnv(`instance-${event}`, 'post');
  for (let time = 1; time <= 2; time++) succeeded(await node.hook(`ganeti/instance-${event}-post`, env));
  return readdirSync(join(node.stateDir, 'nics')).filter(name => name.startsWith('tap7'));
}
