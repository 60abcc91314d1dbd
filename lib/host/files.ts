import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
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
  return parseRtTables(files.filter(file => existsSync(file)).map(file => readFileSync(file, 'utf8')));
}

/** The paths of the files of a directory that end so, in the order of their names; none where there is no directory. */
export function namesIn(directory: string, ending: string): string[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory)
    .filter(name => name.endsWith(ending))
    .sort()
    .map(name => join(directory, name));
}

/** Whoever may write the configuration decides what root runs: it must not be everybody. */
export function readTrusted(file: string): string {
  try {
    if ((statSync(file).mode & 0o002) !== 0) {
      throw new VmnetError('config', 'everybody may write this file', {
        where: file,
        hint: `chmod o-w ${file}`,
      });
    }
    return readFileSync(file, 'utf8');
  } catch (cause) {
    if (cause instanceof VmnetError) throw cause;
    const code = (cause as NodeJS.ErrnoException).code ?? String(cause);
    throw new VmnetError('config', `cannot be read (${code})`, {
      where: file,
      hint: 'make it, make it readable, or name another with --config',
      cause,
    });
  }
}
