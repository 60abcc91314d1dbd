import type { HostRecord } from '../core/model/host-record.ts';
import type { HostSnapshot } from '../core/model/host-snapshot.ts';
import { type KernelObject, keyOf } from '../core/model/object.ts';
import { calmNetworkd, type Meant, ofNetworkd, tellNetworkd, tellNetworkdAgain } from '../host/networkd.ts';
import { refuseRouters } from '../host/networkd-routers.ts';
import { type HostOptions, type HostOutcome, hostDown, hostUp } from '../run/host.ts';
import { restoreHost } from '../run/host-snapshot.ts';
import type { Context } from '../run/ports.ts';

/** hostUp(), and systemd-networkd knows what it is about: else it takes away what the ports of VRFs have, or puts it into main. */
export async function upBesideNetworkd(context: Context, options: HostOptions): Promise<HostOutcome> {
  const { vrf } = options;
  refuseRouters(
    context.report,
    meantOf(context.config).filter(({ name }) => vrf === undefined || name === vrf),
  );
  if (options.dryRun || context.config.vrfs.length === 0) return hostUp(context, options);
  return alone(context, () => upAlone(context, options));
}

async function upAlone(context: Context, options: HostOptions): Promise<HostOutcome> {
  const { report, config } = context;
  adopt(context);
  // What is refused is refused before networkd is told anything.
  const { plan } = await hostUp(context, { ...options, dryRun: true });
  const ports = portsOf(plan.steps.map(({ object }) => object));
  if (ports.length > 0) await calmNetworkd(report, ports);
  const tell = () => tellNetworkd(report, meantOf(config), ports);
  const outcome = await hostUp(context, options).catch(async thrown => {
    await tell();
    throw thrown;
  });
  const { vrf } = options;
  // Until it had been told, it may have put routes into main.
  if (await tell()) await hostUp(context, { dryRun: false, recreate: false, ...(vrf && { vrf }) });
  return outcome;
}

/** hostDown(), likewise: the routes of leases are networkd's to bring back. */
export async function downBesideNetworkd(
  context: Context,
  options: Omit<HostOptions, 'recreate'>,
): Promise<HostOutcome> {
  const { report, config } = context;
  const ports = config.vrfs.flatMap(vrf => vrf.ports);
  if (options.dryRun || ports.length === 0) return hostDown(context, options);
  return alone(context, async () => {
    await hostDown(context, { ...options, dryRun: true });
    await calmNetworkd(report, ports);
    try {
      return await hostDown(context, options);
    } finally {
      await tellNetworkd(report, meantOf(config), ports);
    }
  });
}

/** restoreHost(), likewise; what networkd had been told, the snapshot knows. */
export async function restoreBesideNetworkd(context: Context, snapshot: HostSnapshot): Promise<number> {
  return alone(context, async () => {
    const { steps } = await restoreHost(context, snapshot);
    await tellNetworkdAgain(context.report, snapshot.networkd ?? [], portsOf(snapshot.was));
    return steps.length;
  });
}

const PATIENCE_MS = 60_000;

/** From the links to what networkd is told of them: the files of one change would be of another's links. */
async function alone<T>({ host }: Context, work: () => Promise<T>): Promise<T> {
  const held = host.lock('-networkd', 'exclusive', PATIENCE_MS);
  try {
    return await work();
  } finally {
    held.release();
  }
}

function portsOf(objects: readonly KernelObject[]): readonly string[] {
  const names = objects.flatMap(one =>
    one.kind === 'link-setting' && one.setting === 'master' ? [one.ifname] : [],
  );
  return [...new Set(names)];
}

function meantOf({ vrfs }: Context['config']): readonly Meant[] {
  return vrfs.map(({ name, table, scope, ports, gateway, gateway6 }) => ({
    name,
    table,
    scope,
    ports,
    routers: { 4: gateway === undefined, 6: gateway6 === undefined },
  }));
}

/** At boot, networkd makes a VRF that it was told of: it is vmnet's nevertheless. */
function adopt({ host, config }: Context): void {
  const record = host.hostRecord.read();
  const known = new Set(record?.made);
  const found = config.vrfs.flatMap(({ name, ports }) => {
    const key = `link ${name}`;
    const index = host.ifindex(name);
    return index === undefined || known.has(key) || !ofNetworkd(name) ? [] : [{ name, key, index, ports }];
  });
  if (found.length === 0) return;
  const before = found
    .flatMap(({ ports }) => ports)
    .map(ifname => ({ kind: 'link-setting', ifname, setting: 'master', value: 'none' }) as const);
  const earlier = new Map([...before, ...(record?.before ?? [])].map(one => [keyOf(one), one]));
  const next: HostRecord = {
    ...(record ?? { version: 1 }),
    links: { ...record?.links, ...Object.fromEntries(found.map(({ name, index }) => [name, index])) },
    made: [...known, ...found.map(({ key }) => key)],
    before: [...earlier.values()],
    at: host.now(),
  };
  host.hostRecord.write(next);
}
