// The guests: instances of Ganeti that configure themselves by their MACs, see guest-init.sh.
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Place } from '../support/command.ts';
import { ping } from '../support/probe.ts';
import type { Cluster } from './cluster.ts';
import { mustOn, on } from './node-run.ts';

export interface GuestNic {
  readonly network: 'public' | 'lan';
  readonly mac: string;
  readonly address: string;
  readonly address6: string;
}

export interface Guest {
  readonly name: string;
  readonly nics: readonly GuestNic[];
  /** Which of the cluster's machines it runs on. */
  readonly at: 0 | 1;
}

const NETWORKS = {
  public: { octet: '50', prefix: '192.0.2', prefix6: '2001:db8:993:0' },
  lan: { octet: '60', prefix: '198.51.100', prefix6: '2001:db8:992:0' },
};

/** The NIC with this number as the host part of its addresses, 2 to 253. */
export function guestNic(network: GuestNic['network'], host: number): GuestNic {
  const { octet, prefix, prefix6 } = NETWORKS[network];
  const hex = host.toString(16);
  return {
    network,
    mac: `aa:00:${octet}:00:00:${hex.padStart(2, '0')}`,
    address: `${prefix}.${host}`,
    address6: `${prefix6}:a800:${octet}ff:fe00:${hex}`,
  };
}

/** As an option of gnt-instance takes it after `N:`. */
export function nicWords({ network, mac, address }: GuestNic): string {
  return `network=${network},ip=${address},mac=${mac}`;
}

const GANETI_MS = 90_000;
const BOOT_MS = 40_000;

/** `gnt-instance` on the master, which has to succeed. */
export function gnt(cluster: Cluster, ...args: readonly string[]): Promise<string> {
  return mustOn(cluster.machines[0], ['gnt-instance', ...args], { timeoutMs: GANETI_MS });
}

/** `gnt-instance` on the master, which has to fail. */
export async function gntFails(cluster: Cluster, ...args: readonly string[]): Promise<string> {
  const { exitCode, stderr } = await on(cluster.machines[0], ['gnt-instance', ...args], {
    timeoutMs: GANETI_MS,
  });
  assert.notEqual(exitCode, 0, `gnt-instance ${args.join(' ')} succeeds`);
  return stderr;
}

export async function addGuest(cluster: Cluster, guest: Guest): Promise<void> {
  await gnt(
    cluster,
    ...['add', '-t', 'diskless', '--os-type=noop+default', '--no-name-check', '--no-ip-check'],
    ...['-n', cluster.machines[guest.at].host],
    ...guest.nics.flatMap((nic, i) => ['--net', `${i}:${nicWords(nic)}`]),
    guest.name,
  );
}

/** Ends the guest's QEMU as a crash does. */
export async function crash(cluster: Cluster, guest: Guest): Promise<void> {
  const pidFile = `/var/run/ganeti/kvm-hypervisor/pid/${guest.name}`;
  const script = 'pid=$(cat "$0"); kill -9 "$pid"; while kill -0 "$pid" 2>/dev/null; do sleep 0.05; done';
  await mustOn(cluster.machines[guest.at], ['sh', '-ec', script, pidFile]);
}

/** Every address of the guest answers, at the latest after the time that a boot takes. */
export async function answers(from: Place, guest: Guest): Promise<void> {
  const deadline = Date.now() + BOOT_MS;
  const answer = async (address: string): Promise<void> => {
    while ((await ping(from, address, { count: 1, waitSeconds: 0.5 })).received === 0) {
      assert.ok(Date.now() < deadline, `${guest.name} does not answer at ${address}`);
      await sleep(100);
    }
  };
  await Promise.all(addressesOf(guest).map(answer));
}

export function addressesOf(guest: Guest): readonly string[] {
  return guest.nics.flatMap(({ address, address6 }) => [address, address6]);
}
