// The files of systemd-networkd: what it says about links, what the administrator has told it, and vmnet's own.
import { mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { VmnetError } from '../core/errors.ts';
import {
  dropInPath,
  leadsOut,
  NETWORKD_MARK,
  type NetworkdVrf,
  namesVrf,
} from '../core/source/networkd-conf.ts';

export const STATE = '/run/systemd/netif';
export const DIRECTORY = '/etc/systemd/network';

export interface Managed {
  readonly name: NetworkdVrf['ports'][number]['name'];
  readonly file: string;
}

/** The ports that networkd has a .network file for, unless that has the port in a VRF already. */
export function managedOf(ports: readonly string[]): readonly Managed[] {
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

export function linkState(port: string): string {
  return join(STATE, 'links', read(`/sys/class/net/${port}/ifindex`).trim() || 'none');
}

export function networkFile(state: string): string | undefined {
  const [, file] = /^NETWORK_FILE=(.+)$/m.exec(read(state)) ?? [];
  return file;
}

/** Files with a router for the port, whatever they are called; a drop-in may be in any of the places of systemd's. */
export function routersOf(port: string): readonly string[] {
  const file = networkFile(linkState(port));
  if (file === undefined) return [];
  const places = ['/etc', '/run', '/usr/lib'].map(root => `${root}/systemd/network/${basename(file)}.d`);
  return [file, ...places.flatMap(filesIn)].filter(path => leadsOut(read(path)));
}

/** Whether vmnet has told networkd of the VRF of a port: then it is no news to it. */
export function isTold(port: string): boolean {
  const file = networkFile(linkState(port));
  return file !== undefined && namesVrf(read(dropInPath(file)));
}

/** Files that vmnet has written, and their texts. */
export function ownFiles(): ReadonlyMap<string, string> {
  const files = filesIn(DIRECTORY).flatMap(path =>
    path.endsWith('.network.d') ? [join(path, basename(dropInPath('')))] : [path],
  );
  const texts = files.map(path => [path, read(path)] as const);
  return new Map(texts.filter(([, text]) => text.startsWith(NETWORKD_MARK)));
}

export function put(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text, { mode: 0o644 });
}

export function remove(path: string): void {
  rmSync(path);
  try {
    if (dirname(path) !== DIRECTORY) rmdirSync(dirname(path));
  } catch {
    // Others have files in it.
  }
}

export function filesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory).map(name => join(directory, name));
  } catch {
    return [];
  }
}

export function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
