import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Unconfirmed } from '../core/model/unconfirmed.ts';
import type { Reporter } from '../run/ports.ts';
import type { Globals } from './context.ts';
import { environment, start } from './exec.ts';
import { hasFirstNetwork } from './namespace.ts';
import { lastingDir } from './unconfirmed.ts';

/** sd_booted(3). */
const SYSTEMD = '/run/systemd/system';
const SYSTEMD_MS = 10_000;

/** Where a process writes that nobody listens to. */
const LOG = 'rollback.log';

/**
 * Starts what wakes up after so many seconds. A timer of systemd's, which no end of a session takes along; without
 * systemd, or in another network than its own, a process in a session of its own, which holds nothing of the caller's.
 */
export async function startDeadMan(
  report: Reporter,
  globals: Globals,
  id: string,
  seconds: number,
): Promise<Pick<Unconfirmed, 'unit' | 'pid'>> {
  if (existsSync(SYSTEMD) && hasFirstNetwork()) {
    const unit = `vmnet-rollback-${id}`;
    const args = timerArgs(unit, seconds, vmnetArgv(globals, ['confirm', '--expire', id]));
    const { code, stderr } = await start('systemd-run', args).finish('', SYSTEMD_MS);
    if (code === 0) return { unit };
    report('warn', `systemd-run starts no timer (${stderr.trim()}); a process waits instead`);
  }
  const argv = vmnetArgv(globals, ['confirm', '--expire', id, '--after', String(seconds)]);
  const pid = await startAlone(globals, ['perl', '-e', CLOSE_OTHERS, ...argv]).catch(() =>
    startAlone(globals, argv),
  );
  return pid === undefined ? {} : { pid };
}

/** What the caller has open for its own children is none of ours. Node shuts but the first few of what it has inherited. */
const CLOSE_OTHERS = `
  use POSIX ();
  opendir my $dir, '/proc/self/fd' or die;
  my @open = grep { /^\\d+$/ && $_ > 2 } readdir $dir;
  closedir $dir;
  POSIX::close($_) for @open;
  exec { $ARGV[0] } @ARGV;
`;

async function startAlone(
  globals: Globals,
  [file = '', ...args]: readonly string[],
): Promise<number | undefined> {
  const log = openSync(join(lastingDir(globals.stateDir), LOG), 'a', 0o600);
  const stdio = ['ignore' as const, log, log];
  try {
    const child = spawn(file, args, { detached: true, stdio, env: environment(), cwd: '/' });
    await new Promise<void>((started, failed) => child.once('spawn', started).once('error', failed));
    child.unref();
    return child.pid;
  } finally {
    closeSync(log);
  }
}

/** Only tidies up: a dead man who finds nothing of his does nothing. */
export async function stopDeadMan({ unit, pid, id }: Unconfirmed): Promise<void> {
  if (unit !== undefined) {
    const stopping = start('systemctl', ['stop', `${unit}.timer`]).finish('', SYSTEMD_MS);
    await stopping.catch(() => undefined);
  }
  if (pid === undefined || !isDeadMan(pid, id)) return;
  try {
    process.kill(pid, 'SIGTERM');
  } catch {
    // It has ended since.
  }
}

/** Runs vmnet's own command line with these words, and gives its exit code. */
export function runVmnet(globals: Globals, words: readonly string[]): Promise<number> {
  const [file = '', ...args] = vmnetArgv(globals, words);
  return new Promise((done, failed) => {
    const child = spawn(file, args, {
      stdio: ['ignore', 'inherit', 'inherit'],
      env: environment(),
      cwd: '/',
    });
    child.once('error', failed);
    child.once('close', code => done(code ?? 1));
  });
}

function timerArgs(unit: string, seconds: number, argv: readonly string[]): readonly string[] {
  const timer = [`--on-active=${seconds}s`, '--timer-property=AccuracySec=100ms'];
  return ['--quiet', '--collect', `--unit=${unit}`, ...timer, '--', ...argv];
}

/** This very program: whatever it was started as. */
function vmnetArgv({ config, stateDir }: Globals, words: readonly string[]): readonly string[] {
  const program = [process.execPath, ...process.execArgv, process.argv[1] ?? ''];
  return [...program, '--config', resolve(config), '--state-dir', resolve(stateDir), ...words];
}

/** Its number may be another process's by now. */
function isDeadMan(pid: number, id: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').includes(id);
  } catch {
    return false;
  }
}
