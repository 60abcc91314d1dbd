import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { VmnetError } from '../core/errors.ts';
import type { FileStep, InitFacts, ServiceFile } from '../core/vrf/services.ts';
import type { SocketRow } from '../core/vrf/sockets.ts';
import { sshdFacts } from '../core/vrf/sshd.ts';
import { SYSTEM_PATH } from './exec.ts';
import { namesIn } from './files.ts';
import { outputOf, processesIn } from './vrf-world.ts';

const UNITS = 'etc/systemd/system';
const SSHD = 'etc/ssh/sshd_config';

/** What runs services here; `root` is the directory of the system, `/` but for tests. */
export async function readInitFacts(root: string): Promise<InitFacts> {
  const systemd = existsSync(join(root, 'run/systemd/system'));
  if (!systemd && !existsSync(join(root, 'sbin/openrc-run'))) {
    throw new VmnetError('missing', 'neither systemd nor OpenRC runs here', {
      hint: 'start the services with vmnet vrf exec',
    });
  }
  return {
    init: systemd ? 'systemd' : 'openrc',
    version: systemd ? await systemdVersion() : 0,
    vmnet: ownPath(),
    sockets: systemd ? socketsIn(root) : new Map(),
    sshd: readSshd(root),
  };
}

async function systemdVersion(): Promise<number> {
  return Number(/^systemd (\d+)/.exec(await outputOf('systemctl', ['--version']))?.[1] ?? 0);
}

/** Of the launcher that is installed, or of this very program. */
function ownPath(): string {
  const installed = SYSTEM_PATH.split(':').map(directory => join(directory, 'vmnet'));
  return installed.find(path => existsSync(path)) ?? process.argv[1] ?? 'vmnet';
}

/** Enabled socket units by the service that they start; its name is theirs, unless they say another. */
function socketsIn(root: string): ReadonlyMap<string, string> {
  const units = namesIn(join(root, UNITS, 'sockets.target.wants'), '.socket');
  return new Map(
    units
      .filter(path => !basename(path).startsWith('vmnet-'))
      .map(path => {
        const service = /^Service=(.+)\.service$/m.exec(readIfThere(path) ?? '')?.[1];
        return [service ?? basename(path, '.socket'), basename(path)];
      }),
  );
}

function readSshd(root: string) {
  const others = namesIn(join(root, `${SSHD}.d`), '.conf').filter(
    path => !basename(path).startsWith('50-vmnet-vrf-'),
  );
  return sshdFacts(
    readIfThere(join(root, SSHD)) ?? '',
    others.map(path => readIfThere(path) ?? ''),
  );
}

/** The wanted files that are there, and all that may be ours, by their paths below `root`. */
export function readPresent(root: string, wanted: readonly ServiceFile[]): ReadonlyMap<string, string> {
  const directories = namesIn(join(root, UNITS), '.d').map(path => join(path, '50-vmnet-vrf.conf'));
  const sockets = namesIn(join(root, UNITS), '.socket').filter(path => basename(path).startsWith('vmnet-'));
  const sshd = namesIn(join(root, `${SSHD}.d`), '.conf');
  const confd = namesIn(join(root, 'etc/conf.d'), '');
  const paths = [
    ...directories,
    ...sockets,
    ...sshd,
    ...confd,
    ...wanted.map(({ path }) => join(root, path)),
  ];
  return new Map(
    [...new Set(paths)].flatMap(path => {
      const text = readIfThere(path);
      return text === undefined ? [] : [[join('/', path.slice(root.length)), text] as const];
    }),
  );
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

/** Writes and removes, by rename, so that nobody reads half a file; a directory that is empty then goes as well. */
export function applyFileSteps(root: string, steps: readonly FileStep[]): void {
  for (const { action, path, text = '' } of steps) {
    const file = join(root, path);
    try {
      if (action === 'write') {
        mkdirSync(dirname(file), { recursive: true });
        writeFileSync(`${file}.vmnet-new`, text, { mode: 0o644 });
        renameSync(`${file}.vmnet-new`, file);
      }
      if (action === 'remove') {
        rmSync(file);
        if (
          dirname(file).endsWith('.d') &&
          path.startsWith(`/${UNITS}`) &&
          readdirSync(dirname(file)).length === 0
        )
          rmdirSync(dirname(file));
      }
    } catch (cause) {
      const code = (cause as NodeJS.ErrnoException).code ?? String(cause);
      throw new VmnetError('record', `cannot be written (${code})`, { where: file, cause });
    }
  }
}

/** By the cgroup of its unit; without systemd, what listens and has the service's name. */
export async function serviceProcesses(
  service: string,
  sockets: readonly SocketRow[],
): Promise<readonly number[]> {
  if (existsSync('/run/systemd/system')) {
    const cgroup = (
      await outputOf('systemctl', ['show', '--property=ControlGroup', '--value', service])
    ).trim();
    return cgroup === '' ? [] : processesIn([join('/sys/fs/cgroup', cgroup)]).map(({ pid }) => pid);
  }
  const processes = sockets.flatMap(socket => socket.processes);
  return [...new Set(processes.filter(({ name }) => name.startsWith(service)).map(({ pid }) => pid))];
}
