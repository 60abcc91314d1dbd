import {
  closeSync,
  existsSync,
  fstatSync,
  openSync,
  readdirSync,
  readFileSync,
  type Stats,
  statSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { VmnetError } from '../core/errors.ts';
import type { Config, FirewallProfile } from '../core/model/config.ts';
import { parseConfig } from '../core/source/config.ts';
import { parseFirewallProfile } from '../core/source/firewall-profile.ts';
import { parseRtTables } from '../core/source/rt-tables.ts';
import { DEFAULT_CONFIG } from './defaults.ts';

/** The configuration and the conf.d beside it. Without any, the defaults: a routed NIC whose link names a table works so. */
export function loadConfig(path: string, rtTables: ReadonlyMap<string, number>): Config {
  const given = path !== DEFAULT_CONFIG;
  const main = existsSync(path) || given ? [path] : [];
  const directory = join(dirname(path), 'conf.d');
  const files = [...main, ...namesIn(directory, '.ini')];
  return parseConfig(
    files.map(file => ({ path: file, text: readTrusted(file) })),
    rtTables,
    profilesIn(join(dirname(path), 'firewall.d')),
  );
}

function profilesIn(directory: string): readonly FirewallProfile[] {
  return namesIn(directory, '.nft').map(file => parseFirewallProfile(file, readTrusted(file)));
}

/** Where iproute2 looks for table names: what the administrator wrote comes before what the distribution ships. */
export function loadRtTables(): ReadonlyMap<string, number> {
  const places = ['/etc/iproute2', '/usr/share/iproute2', '/usr/lib/iproute2'];
  const files = places.flatMap(place => [
    join(place, 'rt_tables'),
    ...namesIn(join(place, 'rt_tables.d'), '.conf'),
  ]);
  return parseRtTables(files.filter(file => existsSync(file)).map(readTrusted));
}

/** The paths of the files of a directory that end so, in the order of their names; none where there is no directory. Who may write that may add one. */
export function namesIn(directory: string, ending: string): string[] {
  if (!existsSync(directory)) return [];
  requireTrust(directory, statSync(directory));
  return readdirSync(directory)
    .filter(name => name.endsWith(ending))
    .sort()
    .map(name => join(directory, name));
}

/** Reads a file that only root may write: whoever may decides what root does. */
export function readTrusted(file: string): string {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(file, 'r');
    // Of what was opened, and not of what has the name by then.
    requireTrust(file, fstatSync(descriptor));
    return readFileSync(descriptor, 'utf8');
  } catch (cause) {
    if (cause instanceof VmnetError) throw cause;
    const code = (cause as NodeJS.ErrnoException).code ?? String(cause);
    throw new VmnetError('config', `cannot be read (${code})`, {
      where: file,
      hint: 'make it, make it readable, or name another with --config',
      cause,
    });
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

/** As sudo asks of its own files; who is not root may look at what is theirs. */
function requireTrust(path: string, { uid, gid, mode }: Stats): void {
  const refuse = (what: string, hint: string): never => {
    throw new VmnetError('config', what, { where: path, hint });
  };
  if (uid !== 0 && uid !== process.geteuid?.()) refuse(`it belongs to user ${uid}`, `chown root ${path}`);
  if ((mode & 0o002) !== 0) refuse('everybody may write it', `chmod o-w ${path}`);
  const isMine = gid === 0 || gid === process.getegid?.();
  if ((mode & 0o020) !== 0 && !isMine) refuse(`group ${gid} may write it`, `chmod g-w ${path}`);
}
