import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { start } from './exec.ts';
import { hasFirstNetwork } from './namespace.ts';

const SYSTEMD_MS = 30_000;
/** What systemd-networkd says of itself. */
export const STATE = '/run/systemd/netif';

/** It looks after the network namespace of the first process. */
export function isHere(): boolean {
  return existsSync(STATE) && hasFirstNetwork();
}

export async function isActive(): Promise<boolean> {
  return isHere() && (await systemctl('is-active', 'systemd-networkd.service')) === 0;
}

export async function systemctl(...words: readonly string[]): Promise<number> {
  const ended = start('systemctl', words).finish('', SYSTEMD_MS);
  return ended.then(({ code }) => code).catch(() => 1);
}

export function linkState(port: string): string {
  return join(STATE, 'links', read(`/sys/class/net/${port}/ifindex`).trim() || 'none');
}

export function networkFile(state: string): string | undefined {
  const [, file] = /^NETWORK_FILE=(.+)$/m.exec(read(state)) ?? [];
  return file;
}

/** That it manages a port, or that it does not, it says when it runs and has come to it. */
export function isUnknown(port: string): boolean {
  return !/^ADMIN_STATE=(?!pending$|initialized$)/m.test(read(linkState(port)));
}

export function filesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory).map(name => join(directory, name));
  } catch {
    return [];
  }
}

/** As systemd reads them: `.conf` by name, of the same name the last of these. `of` is below systemd/. */
export function dropInsOf(of: string): readonly string[] {
  const files = ['/usr/lib', '/run', '/etc'].flatMap(root => filesIn(`${root}/systemd/${of}.d`));
  const byName = new Map(files.filter(file => file.endsWith('.conf')).map(file => [basename(file), file]));
  return [...byName].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, file]) => file);
}

export function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
