import { existsSync, mkdirSync, readlinkSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { VmnetError } from '../core/errors.ts';
import type { NetworkdFile } from '../core/model/host-snapshot.ts';
import {
  CALM_TEXT,
  DIRECTORY,
  dropInPath,
  LEAVE_FOREIGN_ALONE,
  leavesForeignAlone,
  NETWORKD_MARK,
  type NetworkdVrf,
  namesVrf,
  netdevOf,
  netdevPath,
  networkdFiles,
  vrfOf,
} from '../core/source/networkd-conf.ts';
import type { Reporter } from '../run/ports.ts';
import { restartNetworkd } from './networkd-restart.ts';
import {
  dropInsOf,
  filesIn,
  isActive,
  isHere,
  isUnknown,
  linkState,
  networkFile,
  read,
  STATE,
} from './networkd-state.ts';
import { outputOf, readVrfWorld } from './vrf-world.ts';

const FOREIGN = '/etc/systemd/networkd.conf.d/vmnet.conf';

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
  await restartNetworkd(report, ports);
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
  const there = meant.map(vrf => ({ ...vrf, ports: vrf.ports.filter(port => isIn(port, vrf.name)) }));
  const unclear = new Set<string>(there.flatMap(({ name, ports }) => (ports.some(isUnknown) ? name : [])));
  const wanted = new Map([
    ...[...ownFiles()].filter(([, text]) => unclear.has(vrfOf(text) ?? '')),
    ...networkdFiles(there.map(vrf => ({ ...vrf, ports: managedOf(vrf.ports) }))),
  ]);
  return leaveFiles(report, wanted, [...touched, ...meant.flatMap(vrf => vrf.ports)]);
}

/** What networkd has been told of VRFs; that it is to be calm about a port is none of that. */
export function toldNetworkd(): readonly NetworkdFile[] {
  if (!isHere()) return [];
  const told = [...ownFiles()].filter(([, text]) => vrfOf(text) !== undefined);
  return told.map(([path, text]) => ({ path, lines: text.trimEnd().split('\n') }));
}

/** networkd knows again what it had been told, and nothing else. */
export async function tellNetworkdAgain(
  report: Reporter,
  files: readonly NetworkdFile[],
  touched: readonly string[],
): Promise<void> {
  if (!isHere()) return;
  await leaveFiles(report, new Map(files.map(({ path, lines }) => [path, `${lines.join('\n')}\n`])), touched);
}

/** Of vmnet's files, these and no others are there afterwards; true when that was a change. */
async function leaveFiles(
  report: Reporter,
  wanted: ReadonlyMap<string, string>,
  touched: readonly string[],
): Promise<boolean> {
  const present = ownFiles();
  const gone = [...present].filter(([path]) => !wanted.has(path));
  const coming = [...wanted].filter(([path, text]) => present.get(path) !== text);
  if (gone.length + coming.length === 0) return false;
  const left = gone.flatMap(([, text]) => netdevOf(text) ?? []);
  for (const [path] of gone) remove(path);
  for (const [path, text] of coming) put(path, text);
  if (await isActive()) await restartNetworkd(report, [...new Set(touched)]);
  for (const { name, table } of left)
    if (!existsSync(`/sys/class/net/${name}`) && !(await isUsed(table))) await flush(table);
  return true;
}

/** VRFs that networkd has made at boot by files of vmnet's. */
export function ofNetworkd(name: string): boolean {
  return isHere() && ownFiles().has(netdevPath(name));
}

/** As long as it had not been told, networkd has put routes there. Of a table that is nobody's, nothing is left then. */
async function flush(table: number): Promise<void> {
  for (const family of ['-4', '-6'])
    await outputOf('ip', [family, 'route', 'flush', 'table', String(table)]).catch(() => undefined);
}

/** Another VRF may have the table of one that is no more. What nobody knows is left alone. */
async function isUsed(table: number): Promise<boolean> {
  const world = await readVrfWorld().catch(() => undefined);
  if (world === undefined) return true;
  const { links, rules } = world;
  return [...links, ...rules[4], ...rules[6]].some(one => one.table === table);
}

type Managed = NetworkdVrf['ports'][number];

/** The ports that networkd has a .network file for, unless that has the port in a VRF already. */
function managedOf(ports: readonly string[]): readonly Managed[] {
  return ports.flatMap(name => {
    const file = networkFile(linkState(name));
    if (file === undefined || namesVrf(read(file))) return [];
    const others = filesIn(`${STATE}/links`).filter(link => networkFile(link) === file);
    if (others.length > 1)
      throw new VmnetError('config', `${file} is about other links besides ${name}`, {
        hint: `systemd-networkd would take ${name} out of the VRF, and cannot be told about ${name} alone: give it a .network file of its own`,
      });
    return [{ name: name as Managed['name'], file }];
  });
}

function isIn(port: string, vrf: string): boolean {
  try {
    return basename(readlinkSync(`/sys/class/net/${port}/master`)) === vrf;
  } catch {
    return false;
  }
}

function networkdTexts(): readonly string[] {
  return ['/etc/systemd/networkd.conf', ...dropInsOf('networkd.conf')].map(read);
}

/** Files that vmnet has written, and their texts. */
function ownFiles(): ReadonlyMap<string, string> {
  const files = filesIn(DIRECTORY).flatMap(path =>
    path.endsWith('.network.d') ? [join(path, basename(dropInPath('')))] : [path],
  );
  const texts = files.map(path => [path, read(path)] as const);
  return new Map(texts.filter(([, text]) => text.startsWith(NETWORKD_MARK)));
}

function put(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text, { mode: 0o644 });
}

function remove(path: string): void {
  rmSync(path);
  try {
    if (dirname(path) !== DIRECTORY) rmdirSync(dirname(path));
  } catch {
    // Others have files in it.
  }
}
