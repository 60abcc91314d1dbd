import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { VmnetError } from '../../lib/core/errors.ts';
import {
  type ClusterEvent,
  eventFromGanetiEnv,
  type HookPhase,
  type InstanceEvent,
} from '../../lib/core/source/ganeti-hook.ts';

type Env = Record<string, string>;

const FIXTURES = join(import.meta.dirname, '../fixtures/ganeti-hooks');

function recorded(path: string): Env {
  const lines = readFileSync(join(FIXTURES, path), 'utf8').split('\n');
  const pairs = lines.filter(line => line !== '' && !line.startsWith('#')).map(line => line.split(/=(.*)/s));
  return Object.fromEntries(pairs.map(([key = '', value = '']) => [key, value]));
}

function instanceEvent(env: Env): InstanceEvent {
  const event: ClusterEvent = eventFromGanetiEnv(env);
  assert.ok(event.kind === 'instance', event.kind);
  return event;
}

function refused(env: Env, variable: string): void {
  assert.throws(
    () => eventFromGanetiEnv(env),
    (error: unknown) => {
      assert.ok(error instanceof VmnetError, `${variable}=${env[variable]}: ${error}`);
      assert.equal(error.exit, 'request');
      assert.equal(error.where, `$${variable}`);
      return true;
    },
    `${variable}=${JSON.stringify(env[variable])}`,
  );
}

const START = recorded('mainline-3.0/posthook-rc1/00-node1-instance-start-pre.env');
const MIGRATED = recorded('mainline-3.0/guest-migrate/03-node1-instance-migrate-post.env');

test('every environment that Ganeti was seen to give', async t => {
  const files = globSync('**/*.env', { cwd: FIXTURES }).sort();
  const seen = new Set(files.map(file => file.replace(/^.*-node\d-|\.env$/g, '')));
  const events = ['add', 'failover', 'migrate', 'modify', 'reboot', 'remove', 'start', 'stop'];
  assert.deepEqual(
    [...seen].sort(),
    events.flatMap(event => [`instance-${event}-post`, `instance-${event}-pre`]),
  );
  for (const file of files) {
    await t.test(file, () => {
      const env = recorded(file);
      const event = instanceEvent(env);
      assert.equal(`${event.event}-${event.phase}`, file.replace(/^.*-node\d-|\.env$/g, ''));
      assert.equal(event.opCode, env.GANETI_OP_CODE);
      assert.equal(event.master, 'node1.example.test');
      assert.equal(event.instance, env.GANETI_INSTANCE_NAME);
      assert.equal(event.primary, env.GANETI_INSTANCE_PRIMARY);
      assert.equal(event.source, env.GANETI_OLD_PRIMARY);
      assert.equal(event.target, env.GANETI_NEW_PRIMARY);
      assert.equal(String(event.nics.length), env.GANETI_INSTANCE_NIC_COUNT);
      for (const { index, uuid, request } of event.nics) {
        const variable = (name: string) => env[`GANETI_INSTANCE_NIC${index}_${name}`];
        assert.equal(uuid, variable('UUID'));
        assert.equal('ifname' in request, false);
        assert.equal(request.instance, event.instance);
        assert.equal(request.mac, variable('MAC'));
        assert.equal(request.mode, variable('MODE'));
        assert.equal(request.link, variable('LINK'));
        assert.equal(request.addresses.map(({ text }) => text).join(), variable('IP'));
        assert.equal(request.network.uuid, variable('NETWORK_UUID'));
        assert.deepEqual(request.tags, ['prod', 'web'].slice(0, request.tags.length));
      }
      assert.equal(event.after?.primary, env.GANETI_POST_INSTANCE_PRIMARY);
      assert.equal(event.after?.nics.length ?? 0, Number(env.GANETI_POST_INSTANCE_NIC_COUNT ?? 0));
    });
  }
});

test('a migrated instance has moved from where the first computation says', () => {
  const event = instanceEvent(MIGRATED);
  assert.equal(MIGRATED.GANETI_POST_OLD_PRIMARY, 'node1.example.test');
  assert.deepEqual(
    [event.source, event.target, event.primary, event.after?.primary],
    ['node2.example.test', 'node1.example.test', 'node2.example.test', 'node1.example.test'],
  );
  assert.deepEqual([event.live, event.cleanup], [true, false]);
  const tidied = recorded('grnet-fork/migrate-cleanup/00-node1-instance-migrate-pre.env');
  assert.equal(instanceEvent(tidied).cleanup, true);
});

test('what is there only sometimes', () => {
  const table: [Env, Partial<InstanceEvent>][] = [
    [{ GANETI_INSTANCE_STATUS: 'True' }, { status: 'up' }],
    [{ GANETI_INSTANCE_STATUS: 'False' }, { status: 'down' }],
    [{ GANETI_INSTANCE_STATUS: 'offline' }, { status: 'offline' }],
    [{ GANETI_HOOKS_PHASE: 'POST' }, { phase: 'post' }],
    [{ GANETI_INSTANCE_SECONDARIES: 'node2 node3' }, { secondaries: ['node2', 'node3'] }],
    [{ GANETI_HOOKS_PATH: 'instance-rename', GANETI_INSTANCE_NEW_NAME: 'i9' }, { newName: 'i9' }],
    [{ GANETI_HOOKS_PATH: 'instance-move', GANETI_TARGET_NODE: 'node3' }, { target: 'node3' }],
    [{ GANETI_HOOKS_PATH: 'instance-failover', GANETI_FAILOVER_CLEANUP: 'True' }, { cleanup: true }],
    [{ GANETI_INSTANCE_NIC_COUNT: '0' }, { nics: [] }],
  ];
  for (const [env, expected] of table) {
    assert.partialDeepStrictEqual(instanceEvent({ ...START, ...env }), expected);
  }
});

test('NICs that other scripts serve do not make the rest of the instance unreadable', () => {
  for (const mode of ['ext']) {
    const event = instanceEvent({
      ...START,
      GANETI_INSTANCE_NIC_COUNT: '2',
      GANETI_INSTANCE_NIC1_MODE: mode,
      GANETI_INSTANCE_NIC1_LINK: 'ovs/0',
    });
    assert.deepEqual(
      event.nics.map(({ index }) => index),
      [0],
    );
    assert.deepEqual(event.foreign, [{ index: 1, mode }]);
  }
});

const HEAD = {
  GANETI_CLUSTER: 'cluster.example.test',
  GANETI_MASTER: 'node1.example.test',
  GANETI_HOOKS_VERSION: '2',
};
const CONNECT = {
  ...HEAD,
  GANETI_HOOKS_PATH: 'network-connect',
  GANETI_HOOKS_PHASE: 'pre',
  GANETI_OP_CODE: 'OP_NETWORK_CONNECT',
  GANETI_GROUP_NAME: '260e1278-fa71-41cc-a4d5-61e5d1aba00a',
  GANETI_GROUP_NETWORK_MODE: 'bridged',
  GANETI_GROUP_NETWORK_LINK: 'br0',
  GANETI_GROUP_NETWORK_VLAN: '',
};

test('networks, and other events', () => {
  const head = (event: string, phase: HookPhase, opCode: string) => ({
    event,
    phase,
    opCode,
    cluster: 'cluster.example.test',
    master: 'node1.example.test',
  });
  const connection = {
    kind: 'connection',
    group: CONNECT.GANETI_GROUP_NAME,
    mode: 'bridged',
    link: 'br0',
    network: {},
  };
  const add = {
    ...HEAD,
    GANETI_HOOKS_PATH: 'network-add',
    GANETI_HOOKS_PHASE: 'pre',
    GANETI_OP_CODE: 'OP_NETWORK_ADD',
    GANETI_NETWORK_NAME: 'net1',
    GANETI_NETWORK_SUBNET: '10.50.0.0/24',
    GANETI_NETWORK_GATEWAY: '10.50.0.1',
    GANETI_NETWORK_SUBNET6: '2001:db8:50::/64',
    GANETI_NETWORK_GATEWAY6: '2001:db8:50::1',
    GANETI_NETWORK_TAGS: 'routed foo:bar',
  };
  assert.deepEqual(eventFromGanetiEnv(CONNECT), {
    ...head('network-connect', 'pre', 'OP_NETWORK_CONNECT'),
    ...connection,
  });
  const disconnect = {
    ...CONNECT,
    GANETI_HOOKS_PATH: 'network-disconnect',
    GANETI_HOOKS_PHASE: 'post',
    GANETI_OP_CODE: 'OP_NETWORK_DISCONNECT',
    GANETI_GROUP_NETWORK_MODE: 'openvswitch',
    GANETI_GROUP_NETWORK_VLAN: '.10',
  };
  assert.deepEqual(eventFromGanetiEnv(disconnect), {
    ...head('network-disconnect', 'post', 'OP_NETWORK_DISCONNECT'),
    ...connection,
    mode: 'openvswitch',
    vlan: '.10',
  });
  assert.partialDeepStrictEqual(eventFromGanetiEnv(add), {
    ...head('network-add', 'pre', 'OP_NETWORK_ADD'),
    kind: 'network',
    network: {
      name: 'net1',
      subnet: { family: 4, address: '10.50.0.0', length: 24, text: '10.50.0.0/24' },
      gateway: { family: 4, text: '10.50.0.1' },
      subnet6: { family: 6, address: '2001:db8:50::', length: 64, text: '2001:db8:50::/64' },
      gateway6: { family: 6, text: '2001:db8:50::1' },
      tags: ['foo:bar', 'routed'],
    },
  });
  refused({ ...add, GANETI_NETWORK_SUBNET: '2001:db8::/64' }, 'GANETI_NETWORK_SUBNET');
  const verify = {
    ...HEAD,
    GANETI_HOOKS_PATH: 'cluster-verify',
    GANETI_HOOKS_PHASE: 'post',
    GANETI_OP_CODE: 'X',
  };
  assert.equal(eventFromGanetiEnv(verify).kind, 'other');
});

test('hooks of another version, and what is no hook', () => {
  for (const version of ['1', '3', '02', '2.0', ''])
    refused({ ...START, GANETI_HOOKS_VERSION: version }, 'GANETI_HOOKS_VERSION');
  refused({ PATH: '/bin' }, 'GANETI_HOOKS_VERSION');
});

test('what every event has must be there', () => {
  const ofInstance = ['NAME', 'NIC_COUNT', 'NIC0_MAC', 'NIC0_MODE'].map(name => `GANETI_INSTANCE_${name}`);
  for (const variable of ['GANETI_HOOKS_PATH', 'GANETI_HOOKS_PHASE', 'GANETI_OP_CODE', ...ofInstance]) {
    const { [variable]: _, ...rest } = START;
    refused(rest, variable);
    refused({ ...START, [variable]: '' }, variable);
  }
  for (const variable of ['GANETI_GROUP_NAME', 'GANETI_GROUP_NETWORK_MODE'])
    refused({ ...CONNECT, [variable]: '' }, variable);
});

test('bad values, by the name of their variable', () => {
  const table: [string, string[]][] = [
    ['GANETI_HOOKS_PATH', ['../x', 'a b', '-x', 'instance/start']],
    ['GANETI_HOOKS_PHASE', ['during', 'constructor']],
    ['GANETI_MASTER', ['a b', '-x']],
    ['GANETI_INSTANCE_NAME', ['../x', 'a b', 'x'.repeat(300)]],
    ['GANETI_INSTANCE_SECONDARIES', ['node2 $(x)', 'a/b']],
    ['GANETI_INSTANCE_STATUS', ['running', 'toString']],
    ['GANETI_INSTANCE_NIC_COUNT', ['-1', '1e3', '9999', 'x']],
    ['GANETI_INSTANCE_NIC0_MAC', ['x', '01:00:00:00:00:00']],
    ['GANETI_INSTANCE_NIC0_MODE', ['router']],
    ['GANETI_INSTANCE_NIC0_IP', ['10.0.0.300', '10.0.0.0/24']],
    ['GANETI_INSTANCE_NIC0_LINK', ['a/b']],
    ['GANETI_INSTANCE_NIC0_VLAN', ['4095', '.0', 'x']],
    ['GANETI_INSTANCE_NIC0_NETWORK_GATEWAY6', ['10.0.0.1']],
    ['GANETI_INSTANCE_TAGS', ['a"b']],
  ];
  for (const [variable, values] of table) {
    for (const value of values) refused({ ...START, [variable]: value }, variable);
  }
  refused({ ...START, GANETI_INSTANCE_NIC_COUNT: '2' }, 'GANETI_INSTANCE_NIC1_MODE');
  refused({ ...MIGRATED, GANETI_POST_INSTANCE_NIC0_MAC: 'x' }, 'GANETI_POST_INSTANCE_NIC0_MAC');
});
