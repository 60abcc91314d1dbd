import { existsSync, readlinkSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { formatError, VmnetError } from '../core/errors.ts';
import { HOST_PROTOCOL } from '../core/model/identity.ts';
import {
  CALM_TEXT,
  dropInPath,
  LEAVE_FOREIGN_ALONE,
  leavesForeignAlone,
  type NetworkdVrf,
  netdevOf,
  networkdFiles,
} from '../core/source/networkd-conf.ts';
import type { Reporter } from '../run/ports.ts';
import { start } from './exec.ts';
import { hasFirstNetwork } from './namespace.ts';
import {
  DIRECTORY,
  filesIn,
  isTold,
  linkState,
  managedOf,
  networkFile,
  ownFiles,
  put,
  read,
  remove,
  routersOf,
  STATE,
} from './networkd-files.ts';
import { forgetTwins, twinsOf } from './route-twins.ts';
import { outputOf } from './vrf-world.ts';

const SYSTEMD_MS = 30_000;
const SETTLE_MS = 20_000;
const FOREIGN = '/etc/systemd/networkd.conf.d/vmnet.conf';

/**
 * With scope `lan` there is no router in a VRF, but those of a port's own files would be: networkd puts them there at each
 * start, and no drop-in takes them out. A port that it has in the VRF already is not a reason to stop: this may be the boot.
 */
export function refuseRouters(report: Reporter, meant: readonly Meant[]): void {
  if (!isHere()) return;
  for (const { name, ports } of meant.filter(({ scope }) => scope === 'lan')) {
    for (const port of ports) {
      const [file] = routersOf(port);
      if (file === undefined) continue;
      const error = new VmnetError(
        'config',
        `${file} gives ${port} a router, and with scope = lan VRF ${name} has none`,
        {
          hint: 'take its Gateway= out, which systemd-networkd would put into the VRF at each start',
        },
      );
      if (!isTold(port)) throw error;
      report('warn', formatError(error));
    }
  }
}

/**
 * Before ports join or leave a VRF: systemd-networkd takes it calmly that their carrier goes for a moment, and deletes no
 * rule and no route of others. It reads both only when it starts, so that it is started anew if it did not know.
 */
export async function calmNetworkd(report: Reporter, ports: readonly string[]): Promise<void> {
  if (!(await isActive())) return;
  const foreign = leavesForeignAlone(networkdTexts()) ? [] : [[FOREIGN, LEAVE_FOREIGN_ALONE] as const];
  const calm = managedOf(ports)
    .map(({ file }) => [dropInPath(file), CALM_TEXT] as const)
    .filter(([path]) => !existsSync(path));
  if (foreign.length + calm.length === 0) return;
  for (const [path, text] of [...foreign, ...calm]) put(path, text);
  if (foreign.length > 0)
    report('info', `${FOREIGN} has systemd-networkd leave the rules and routes of VRFs alone`);
  await restart(report, ports);
}

/** What is to be there of VRFs, those that are meant; which of their ports are in them, the kernel says. */
export type Meant = Omit<NetworkdVrf, 'ports'> & { readonly ports: readonly string[] };

/**
 * Afterwards: networkd knows the VRFs whose ports it manages, and keeps leases and routes of theirs in the VRF's table.
 * VRFs that are no more are forgotten. True when it was started anew, and may have written routes meanwhile.
 */
export async function tellNetworkd(
  report: Reporter,
  meant: readonly Meant[],
  touched: readonly string[],
): Promise<boolean> {
  if (!isHere()) return false;
  const vrfs = meant.map(vrf => ({
    ...vrf,
    ports: managedOf(vrf.ports.filter(port => isIn(port, vrf.name))),
  }));
  const wanted = networkdFiles(vrfs);
  const present = ownFiles();
  const gone = [...present].filter(([path]) => !wanted.has(path));
  const coming = [...wanted].filter(([path, text]) => present.get(path) !== text);
  if (gone.length + coming.length === 0) return false;
  const left = gone.flatMap(([, text]) => netdevOf(text) ?? []);
  for (const [path] of gone) remove(path);
  for (const [path, text] of coming) put(path, text);
  const ports = [...new Set([...touched, ...meant.flatMap(vrf => vrf.ports)])];
  if (await isActive()) await restart(report, ports);
  for (const { name, table } of left) if (!existsSync(`/sys/class/net/${name}`)) await flush(table);
  return true;
}

/** VRFs that networkd has made at boot by files of vmnet's. */
export function ofNetworkd(name: string): boolean {
  return isHere() && ownFiles().has(`${DIRECTORY}/05-vmnet-${name}.netdev`);
}

/** As long as it had not been told, networkd has put routes there. Of a table that is nobody's, nothing is left then. */
async function flush(table: number): Promise<void> {
  for (const family of ['-4', '-6'])
    await outputOf('ip', [family, 'route', 'flush', 'table', String(table)]).catch(() => undefined);
}

function isIn(port: string, vrf: string): boolean {
  try {
    return basename(readlinkSync(`/sys/class/net/${port}/master`)) === vrf;
  } catch {
    return false;
  }
}

/** Until the ports have again what they had: after its start, networkd asks for leases anew. */
async function restart(report: Reporter, touched: readonly string[]): Promise<void> {
  // Its files about links go when it ends.
  const ports = touched.filter(port => networkFile(linkState(port)) !== undefined);
  const had = await Promise.all(ports.map(whatHas));
  const begun = Date.now();
  if ((await systemctl('restart', 'systemd-networkd.service')) !== 0) {
    report('warn', 'systemd-networkd does not start again: look with journalctl -u systemd-networkd');
    return;
  }
  for (const [index, port] of ports.entries()) {
    let lacking = await lackingOf(port, had[index] ?? [], begun);
    for (
      ;
      lacking.length > 0 && Date.now() - begun < SETTLE_MS;
      lacking = await lackingOf(port, had[index] ?? [], begun)
    )
      await sleep(100);
    if (lacking.length > 0)
      report('warn', `since systemd-networkd has been started anew, ${port} lacks ${lacking.join(', ')}`);
    await forgetTwins(port);
  }
}

/** What a port had and has not got back, in words. */
async function lackingOf(port: string, had: readonly string[], begun: number): Promise<readonly string[]> {
  const state = linkState(port);
  const { mtimeMs = 0 } = statSync(state, { throwIfNoEntry: false }) ?? {};
  const isReady = mtimeMs >= begun && /^ADMIN_STATE=configured$/m.test(read(state));
  const now = new Set(await whatHas(port));
  const twins = await twinsOf(port);
  return [
    ...(isReady ? [] : ['its configuration']),
    ...had.filter(one => !now.has(one)),
    ...(twins.every(({ came }) => came) ? [] : ['the default route of an advertisement']),
  ];
}

/** Addresses that are good, and whether there are default routes; those of vmnet's own are not networkd's to bring back. */
async function whatHas(port: string): Promise<readonly string[]> {
  const ask = (...words: readonly string[]) => outputOf('ip', words).catch(() => '');
  const defaults = ['route', 'show', 'default', 'table', 'all', 'dev', port];
  const [addresses, ...families] = await Promise.all([
    ask('-o', 'address', 'show', 'dev', port, '-tentative'),
    ...['-4', '-6'].map(family => ask('-N', '-o', family, ...defaults)),
  ]);
  const found = [...(addresses ?? '').matchAll(/ inet6? (\S+)/g)].map(([, address = '']) => address);
  const isTheirs = (route: string) => route !== '' && !` ${route} `.includes(` proto ${HOST_PROTOCOL} `);
  const had = families.map(routes => routes.split('\n').some(isTheirs));
  return [...found, ...['its IPv4 default', 'its IPv6 default'].filter((_, index) => had[index])];
}

/** It looks after the network namespace of the first process. */
function isHere(): boolean {
  return existsSync(STATE) && hasFirstNetwork();
}

async function isActive(): Promise<boolean> {
  return isHere() && (await systemctl('is-active', 'systemd-networkd.service')) === 0;
}

export async function systemctl(...words: readonly string[]): Promise<number> {
  const ended = start('systemctl', words).finish('', SYSTEMD_MS);
  return ended.then(({ code }) => code).catch(() => 1);
}

/** As systemd reads them: drop-ins by name, whichever directory they are in. */
function networkdTexts(): readonly string[] {
  const files = ['/usr/lib', '/run', '/etc'].flatMap(root => filesIn(`${root}/systemd/networkd.conf.d`));
  const sorted = new Map(files.map(file => [basename(file), file]));
  const dropIns = [...sorted].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, file]) => file);
  return ['/etc/systemd/networkd.conf', ...dropIns].map(read);
}
