// A live migration as the router's other side sees it: for how long nobody answers, and who takes that time.
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Place } from '../support/command.ts';
import { startProbe } from '../support/probe.ts';
import type { Cluster } from './cluster.ts';
import { addressesOf, type Guest, gnt } from './guest.ts';
import { type Machine, mustOn } from './node-run.ts';

/** In milliseconds. */
export interface Gap {
  readonly address: string;
  /** From the last answer before to the first after. */
  readonly silent: number;
  /** From the guest running on the target to the call of the NIC script there; negative if that came before. */
  readonly ganeti: number;
  /** From that call, or from the guest running if that came later, to the first answer. */
  readonly ours: number;
}

const CALLS = '/run/kvm-ifup.calls';

/** Ganeti's script that runs that of vmnet notes the time of each call first, which takes no process. */
export async function noteCalls(machine: Machine): Promise<void> {
  const script = `file=$(readlink -f /usr/lib/ganeti/kvm-ifup); sed -i '1a echo "$EPOCHREALTIME $MAC" >>${CALLS}' "$file"`;
  await mustOn(machine, ['sh', '-ec', script]);
}

/** Migrates the guest to the other node while all its addresses are pinged every 5 ms. */
export async function migrate(cluster: Cluster, from: Place, guest: Guest): Promise<readonly Gap[]> {
  const target = cluster.machines[guest.at === 0 ? 1 : 0];
  await mustOn(target, ['rm', '-f', CALLS]);
  const addresses = addressesOf(guest);
  const probes = await Promise.all(addresses.map(address => startProbe(from, address)));
  await gnt(cluster, 'migrate', '-f', guest.name);
  await sleep(1000);
  const probed = await Promise.all(probes.map(probe => probe.stop()));
  const newest = 'grep -h vm_state_notify "$(ls -t /var/log/qemu-*.log | head -n 1)"';
  const trace = await mustOn(target, ['sh', '-c', newest]);
  const running = timesIn(trace, /@([\d.]+):vm_state_notify running 1/g).at(-1) ?? Number.NaN;
  const calls = await mustOn(target, ['cat', CALLS]);
  return probed.map(({ answers, silentMs }, i) => {
    const nic = guest.nics[Math.floor(i / 2)];
    const address = addresses[i] ?? '';
    const times = [...answers.values()].sort((a, b) => a - b);
    assert.ok(silentMs < 500, `${address} does not answer after the migration`);
    const called = timesIn(calls, new RegExp(`^([\\d.]+) ${nic?.mac}$`, 'gm'))[0] ?? Number.NaN;
    const begin = Math.max(called, running);
    const gap = {
      silent: Math.max(...times.map((time, n) => time - (times[n - 1] ?? time))),
      ganeti: called - running,
      ours: (times.find(time => time > begin) ?? Number.NaN) - begin,
    };
    for (const [part, took] of Object.entries(gap))
      assert.ok(Number.isFinite(took), `${address}: nothing shows when its part ${part} began or ended`);
    return { address, ...gap };
  });
}

/** In ms, by a pattern whose first group is a time in seconds. */
function timesIn(text: string, pattern: RegExp): readonly number[] {
  return [...text.matchAll(pattern)].map(match => Number(match[1]) * 1000);
}

/** Milliseconds that the NIC script takes for a routed NIC that is the first on its node: the median of five. */
export async function plainAttach(machine: Machine): Promise<number> {
  const env = Object.entries({
    INTERFACE: 'tap90',
    INSTANCE: 'plain.example.test',
    MAC: 'aa:00:50:00:00:5a',
    IP: '192.0.2.90',
    MODE: 'routed',
    LINK: 'public_993',
    NETWORK_NAME: 'public',
    NETWORK_SUBNET: '192.0.2.0/24',
    NETWORK_GATEWAY: '192.0.2.1',
    NETWORK_SUBNET6: '2001:db8:993::/64',
    NETWORK_GATEWAY6: '2001:db8:993::1',
  }).map(([key, value]) => `${key}=${value}`);
  const script = `cd /; umask 0077; ip tuntap add tap90 mode tap
    for i in 1 2 3 4 5; do
      before=$EPOCHREALTIME; /etc/ganeti/kvm-vif-bridge; after=$EPOCHREALTIME
      /etc/ganeti/kvm-ifdown-custom tap90 true
      echo $(((\${after/./} - \${before/./}) / 1000))
    done
    ip link delete tap90`;
  const text = await mustOn(machine, ['env', ...env, 'bash', '-ec', script]);
  return (
    text
      .split('\n')
      .map(Number)
      .sort((a, b) => a - b)[2] ?? Number.NaN
  );
}
