import { readFileSync, writeFileSync } from 'node:fs';
import { VmnetError } from '../core/errors.ts';
import type { Sysctl } from '../core/model/object.ts';
import type { Line } from '../core/plan/render.ts';

const ROOT = '/proc/sys/';

/** What is there of these; a link that is gone and a sysctl that this kernel lacks are left out. */
export function readSysctls(paths: readonly string[]): readonly Sysctl[] {
  return paths.flatMap((path): Sysctl[] => {
    try {
      return [{ kind: 'sysctl', path, value: readFileSync(ROOT + path, 'utf8').trim() }];
    } catch {
      return [];
    }
  });
}

/** Lines of `path=value`. */
export function writeSysctls(lines: readonly Line[]): void {
  for (const { text } of lines) {
    const [path = '', value = ''] = text.split('=');
    try {
      writeFileSync(ROOT + path, value);
    } catch (cause) {
      throw writeError(path, value, cause as NodeJS.ErrnoException);
    }
  }
}

function writeError(path: string, value: string, cause: NodeJS.ErrnoException): VmnetError {
  const where = path.replaceAll('/', '.');
  if (cause.code === 'EACCES' || cause.code === 'EPERM')
    return new VmnetError('permission', `cannot be set to ${value}`, {
      where,
      hint: 'run it as root',
      cause,
    });
  if (cause.code === 'ENOENT')
    return new VmnetError('missing', 'this kernel has no such sysctl, or the link is gone', {
      where,
      hint: 'vmnet needs Linux 5.10 or later with IPv4 and IPv6',
      cause,
    });
  return new VmnetError('kernel', `cannot be set to ${value}: ${cause.message}`, {
    where,
    hint: 'what this run had changed is undone',
    cause,
  });
}
