import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { VmnetError } from '../core/errors.ts';
import type { Config } from '../core/model/config.ts';
import { type Ifname, parseIfname } from '../core/model/ifname.ts';
import type { NicRequest } from '../core/model/request.ts';
import { nicFilePath, requestFromNicFile } from '../core/source/nic-file.ts';
import { namesIn, readTrusted } from './files.ts';

/** The file of a tap in the directory nics.d beside the configuration. */
export function nicFileOf(tap: Ifname, configPath: string): string {
  return nicFilePath(dirname(configPath), tap);
}

/** The NIC that an administrator has written down for a tap; undefined when there is no file. */
export function requestFromNicFiles(tap: Ifname, config: Config, configPath: string): NicRequest | undefined {
  const path = nicFileOf(tap, configPath);
  return existsSync(path) ? requestFromNicFile({ path, text: readTrusted(path) }, tap, config) : undefined;
}

/** The same for a caller that tells nothing but the tap. */
export function requireNicFile(tap: Ifname, config: Config, configPath: string): NicRequest {
  const request = requestFromNicFiles(tap, config, configPath);
  if (request !== undefined) return request;
  throw new VmnetError('request', 'there is no such file, and it would say which NIC this is', {
    where: nicFileOf(tap, configPath),
    hint: 'write [nic] into it, and under that network =, mac =, ip =',
  });
}

/** The taps that have a file; a file that cannot be read as one is an error. */
export function checkNicFiles(config: Config, configPath: string): readonly Ifname[] {
  return namesIn(join(dirname(configPath), 'nics.d'), '.ini').map(path => {
    const tap = parseIfname(basename(path, '.ini'), path);
    requireNicFile(tap, config, configPath);
    return tap;
  });
}
