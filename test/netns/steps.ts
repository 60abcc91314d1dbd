// What the tests in namespaces do over and over: attach a VM, ask whether it works, read the drift.
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type CommandResult, inside, ip, type Place } from '../support/command.ts';
import type { Datacentre, Node } from '../support/datacentre.ts';
import { ping } from '../support/probe.ts';
import type { Vm } from '../support/vm.ts';

/** The two addresses of the world behind the router. */
export const OUTSIDE = ['203.0.113.1', '2001:db8:ffff::1'] as const;
export const GATEWAY_MAC = '02:76:6d:6e:65:74';

export function attachArgs({ nic, address }: Vm, ...more: readonly string[]): readonly string[] {
  return ['attach', nic.tap, '--network', 'public', '--mac', nic.mac, '--ip', address, ...more];
}

/** Attaches a routed VM, which has to succeed. */
export async function attach(vm: Vm, ...more: readonly string[]): Promise<void> {
  succeeded(await vm.node.vmnet(attachArgs(vm, ...more)));
}

export function succeeded(result: CommandResult): string {
  assert.equal(result.exitCode, 0, `exit ${result.exitCode}: ${result.stderr || result.stdout}`);
  return result.stdout;
}

export async function changesOf(node: Node, args: readonly string[]): Promise<number> {
  return JSON.parse(succeeded(await node.vmnet([...args, '--json']))).changes;
}

/** What Ganeti gives the hook for a routed VM of the network `public`. */
export function ganetiEnv(tap: string, mac: string, address: string): Readonly<Record<string, string>> {
  return {
    MODE: 'routed',
    INTERFACE: tap,
    INSTANCE: `${tap}.example.test`,
    MAC: mac,
    IP: address,
    LINK: 'public_993',
    NETWORK_NAME: 'public',
    TAGS: '',
    VLAN: '',
  };
}

/** Each address answers every ping. */
export async function answers(from: Place, ...addresses: readonly string[]): Promise<void> {
  await Promise.all(
    addresses.map(async address => {
      const { received } = await ping(from, address, { count: 2 });
      assert.equal(received, 2, `${from.ns} pings ${address}`);
    }),
  );
}

/** No address answers. */
export async function isSilent(from: Place, ...addresses: readonly string[]): Promise<void> {
  await Promise.all(
    addresses.map(async address => {
      const { received } = await ping(from, address, { count: 2, waitSeconds: 0.2 });
      assert.equal(received, 0, `${from.ns} pings ${address}`);
    }),
  );
}

/** The router reaches the VM and the VM the outside, in both families. */
export async function works({ router }: Datacentre, vm: Vm): Promise<void> {
  await Promise.all([answers(router, vm.address, vm.address6), answers(vm, ...OUTSIDE)]);
}

export interface Drift {
  readonly drift: 'missing' | 'changed' | 'unexpected';
  readonly kind: string;
  readonly text: string;
}

export async function driftOf(node: Node): Promise<readonly Drift[]> {
  const { exitCode, stdout, stderr } = await node.vmnet(['check', '--json']);
  assert.ok(exitCode === 0 || exitCode === 1, `check: exit ${exitCode}: ${stderr}`);
  const { drift, gone } = JSON.parse(stdout);
  assert.equal(exitCode, drift.length + gone.length === 0 ? 0 : 1, stdout);
  return drift;
}

export async function isClean(node: Node): Promise<void> {
  assert.deepEqual(await driftOf(node), []);
}

export function recordsOf(node: Node): readonly string[] {
  try {
    return readdirSync(join(node.stateDir, 'nics')).sort();
  } catch {
    return [];
  }
}

export async function nft(place: Place, ...lines: readonly string[]): Promise<string> {
  return succeeded(await inside(place, ['nft', '-f', '-'], { input: `${lines.join('\n')}\n` }));
}

/** Every value below /proc/sys/net/ipv4 and ipv6 that belongs to a device or a neighbour table, as `path=value`. */
export async function sysctlsOf(place: Place): Promise<readonly string[]> {
  const script =
    'grep -rs . /proc/sys/net/ipv4/conf /proc/sys/net/ipv6/conf /proc/sys/net/ipv4/neigh /proc/sys/net/ipv6/neigh';
  const { stdout } = await inside(place, script.split(' '));
  return stdout
    .split('\n')
    .filter(line => !/stable_secret|mc_forwarding/.test(line))
    .sort();
}

/** Until the kernel has its own routes for a link that was set up: they come with its carrier, of which it tells later. */
export async function carries(place: Place, ifname: string, table = 'local'): Promise<void> {
  for (let turn = 0; turn < 100; turn += 1) {
    const own = await ip(place, '-6', 'route', 'show', 'table', table, 'dev', ifname);
    if (/^local fe80/m.test(own) && /^multicast/m.test(own)) return;
    await sleep(50);
  }
  assert.fail(`${ifname} has no routes of the kernel's`);
}

/** Until duplicate address detection is over. */
export async function settled(node: Node): Promise<void> {
  for (let turn = 0; turn < 50; turn += 1) {
    if ((await ip(node, '-6', 'address', 'show', 'tentative')) === '') return;
    await sleep(100);
  }
}
