import { existsSync } from 'node:fs';
import { VmnetError } from '../core/errors.ts';
import type { IpRow } from '../core/observed/ip.ts';
import { dnsUnit } from '../core/vrf/dns.ts';
import type { Lease } from '../core/vrf/lease.ts';
import { leaseSteps } from '../core/vrf/lease-steps.ts';
import { type Vrf, vrfsOf } from '../core/vrf/world.ts';
import { writeLeaseDns } from './vrf-dns.ts';
import { outputOf, readVrfWorld } from './vrf-world.ts';

/** `script`: the client has no script of its own, which would have set the address. */
export interface LeaseOptions {
  readonly stateDir: string;
  readonly script: boolean;
}

/** The lease of a port of a VRF goes into that VRF; that of another link is none of our business. */
export async function applyLease(lease: Lease, { stateDir, script }: LeaseOptions): Promise<void> {
  const vrfs = vrfsOf(await readVrfWorld());
  const vrf = vrfs.find(({ ports }) => ports.some(port => port.name === lease.ifname));
  if (vrf === undefined) {
    if (!script) return;
    throw new VmnetError('request', `${lease.ifname} is no port of a VRF`, {
      hint: "use the client's own script for it",
    });
  }
  if (script) await setAddress(lease);
  await setRoutes(lease, vrf);
  if (writeLeaseDns(lease, stateDir) && existsSync('/run/systemd/system')) await restartForwarder(vrf);
}

/** It writes its configuration anew when it starts. A client that is started at boot must not wait for it. */
async function restartForwarder({ name }: Vrf): Promise<void> {
  const unit = `${dnsUnit(name)}.service`;
  // try-restart would be an error where the unit is not installed.
  const state = await outputOf('systemctl', ['show', '--property=ActiveState', '--value', unit]);
  if (state.trim() === 'active') await outputOf('systemctl', ['restart', '--no-block', unit]);
}

async function setAddress({ ifname, state, address }: Lease): Promise<void> {
  const lines =
    state === 'held' && address !== undefined
      ? [`address replace ${address} dev ${ifname}`]
      : [`link set ${ifname} up`, `address flush dev ${ifname} scope global`];
  await outputOf('ip', ['-4', '-batch', '-'], { input: `${lines.join('\n')}\n`, doing: `setting ${ifname}` });
}

async function setRoutes(lease: Lease, { table }: Vrf): Promise<void> {
  const { ifname, family } = lease;
  const ask = async (...words: readonly string[]) =>
    JSON.parse((await outputOf('ip', [`-${family}`, '-N', '-d', '-j', ...words])) || '[]') as IpRow[];
  const [strayed, routes, rules] = await Promise.all([
    ask('route', 'show', 'table', 'main', 'dev', ifname),
    ask('route', 'show', 'table', String(table), 'dev', ifname),
    ask('rule', 'show'),
  ]);
  const steps = leaseSteps(lease, { table, strayed, routes, rules });
  if (steps.length === 0) return;
  const input = `${steps.join('\n')}\n`;
  await outputOf('ip', [`-${family}`, '-batch', '-'], { input, doing: `the routes of ${ifname}` });
}
