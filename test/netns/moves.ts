// What Ganeti 3.2 does to a NIC that moves, and what a test asks of it.
import assert from 'node:assert/strict';
import { hostname } from 'node:os';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type CommandResult, ip, type Place } from '../support/command.ts';
import type { Node } from '../support/datacentre.ts';
import { startProbe } from '../support/probe.ts';
import type { Vm } from '../support/vm.ts';
import { ganetiEnv, succeeded } from './steps.ts';

type Env = Readonly<Record<string, string>>;

export function routedEnv(vm: Vm, tap: string): Env {
  return ganetiEnv(tap, vm.nic.mac, vm.address);
}

export function up(node: Node, env: Env, phase?: 'pre' | 'post'): Promise<CommandResult> {
  const more = phase === undefined ? {} : { MIGRATION_PHASE: phase };
  return node.hook(`network/${env.MODE}/up`, { ...env, ...more, ACTION: 'up' }).then(quiet);
}

export function down(node: Node, env: Env): Promise<CommandResult> {
  return node.hook(`network/${env.MODE}/down`, { ...env, ACTION: 'down' }).then(quiet);
}

function quiet(result: CommandResult): CommandResult {
  assert.deepEqual([result.exitCode, result.stdout, result.stderr], [0, '', '']);
  return result;
}

export function extEnv(vm: Vm, tap: string, network = 'public'): Env {
  return { ...ganetiEnv(tap, vm.nic.mac, vm.address), MODE: 'ext', LINK: 'br0', NETWORK_NAME: network };
}

/** The state that `list` shows of a tap. */
export async function listed(node: Node, tap: string): Promise<string | undefined> {
  const nics = JSON.parse(succeeded(await node.vmnet(['list', '--json'])));
  return nics.find((nic: { tap: string }) => nic.tap === tap)?.state;
}

/** Whether this node has a way to the VM, and speaks for it. */
export async function leadsTo(node: Node, vm: Vm): Promise<boolean> {
  const texts = await Promise.all([
    ip(node, '-4', 'route', 'show', 'table', 'all'),
    ip(node, '-6', 'route', 'show', 'table', 'all'),
    ip(node, '-4', 'neighbour', 'show', 'proxy'),
    ip(node, '-6', 'neighbour', 'show', 'proxy'),
  ]);
  const found = [vm.address, vm.address6].map(
    one => texts.filter(text => text.split('\n').some(line => line.trim().startsWith(`${one} `))).length,
  );
  assert.ok(
    found.every(n => n === found[0]),
    `half a way: ${found}`,
  );
  return found[0] !== 0;
}

/** The post hook of a migration to the second node; `now` is where the instance is after it. */
export function migrated(node: Node, vm: Vm, now: string, more: Env = {}): Promise<CommandResult> {
  return node.hook('ganeti/instance-migrate-post', {
    GANETI_HOOKS_VERSION: '2',
    GANETI_HOOKS_PATH: 'instance-migrate',
    GANETI_HOOKS_PHASE: 'post',
    GANETI_OP_CODE: 'OP_INSTANCE_MIGRATE',
    GANETI_INSTANCE_NAME: extEnv(vm, 'tap3').INSTANCE ?? '',
    GANETI_INSTANCE_PRIMARY: 'source.example.test',
    GANETI_INSTANCE_NIC_COUNT: '0',
    GANETI_OLD_PRIMARY: 'source.example.test',
    GANETI_NEW_PRIMARY: hostname(),
    GANETI_POST_INSTANCE_NAME: extEnv(vm, 'tap3').INSTANCE ?? '',
    GANETI_POST_INSTANCE_PRIMARY: now,
    GANETI_POST_INSTANCE_NIC_COUNT: '0',
    ...more,
  });
}

/** Pings both addresses while `work` lasts, and says how long they did not answer. */
export async function underPing(
  t: TestContext,
  router: Place,
  vm: Vm,
  work: () => Promise<void>,
): Promise<void> {
  const probes = await Promise.all([vm.address, vm.address6].map(address => startProbe(router, address)));
  await work();
  await sleep(1000);
  for (const probe of probes) {
    const { sent, lost, longestGapMs, silentMs } = await probe.stop();
    t.diagnostic(`${lost} of ${sent} pings lost, ${longestGapMs} ms without an answer`);
    assert.ok(silentMs < 800, `silent for ${silentMs} ms at the end`);
  }
}
