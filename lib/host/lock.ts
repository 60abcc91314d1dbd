import { chmodSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { VmnetError } from '../core/errors.ts';

export interface Held {
  /** May be called again. */
  release(): void;
}

export type LockMode = 'shared' | 'exclusive';

/**
 * How long one try of sqlite's lasts, with sleeps of 1, 2, 5 and 10 ms in it; its later ones grow to 100 ms. Within a
 * try a waiting writer keeps new readers out (PENDING), so the tries must not be single looks at the lock.
 */
const TRY_MS = 18;
const SQLITE_BUSY = 5;

/**
 * Waits for a lock of the kernel's that dies with this process: the fcntl lock by which sqlite guards a file, which is
 * empty and stays so. Node has no locks of its own, and sqlite asks for no child process. It lasts until release(), or
 * until what is returned is no longer referred to. A `busy` error names the holder after `timeoutMs`.
 */
export function acquire(dir: string, name: string, mode: LockMode, timeoutMs: number): Held {
  const file = join(dir, `${name}.lock`);
  const database = open(dir, file, timeoutMs);
  const deadline = uptimeMs() + timeoutMs;
  while (!take(database, file, mode)) {
    if (uptimeMs() < deadline) continue;
    database.close();
    throw new VmnetError('busy', `still locked after ${timeoutMs} ms`, { where: file, hint: hintOf(file) });
  }
  return {
    release: () => {
      if (database.isOpen) database.close();
    },
  };
}

function open(dir: string, file: string, timeoutMs: number): DatabaseSync {
  try {
    createDir(dir);
    createFile(file);
    const { DatabaseSync } = sqlite();
    return new DatabaseSync(file, { timeout: Math.min(TRY_MS, timeoutMs) });
  } catch (thrown) {
    throw unusable(thrown, file);
  }
}

function createDir(dir: string): void {
  if (mkdirSync(dir, { recursive: true, mode: 0o700 }) !== undefined) chmodSync(dir, 0o700);
}

/**
 * sqlite would create it with what the umask leaves. A file that exists is not opened here: to close any descriptor of
 * it ends all locks that this process has on it.
 */
function createFile(file: string): void {
  try {
    writeFileSync(file, '', { flag: 'wx' });
    chmodSync(file, 0o600);
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== 'EEXIST') throw thrown;
  }
}

/** Loaded at the first lock; early releases of Node 24 warn of it on standard error while it loads. */
function sqlite(): typeof import('node:sqlite') {
  const emitWarning = process.emitWarning;
  process.emitWarning = (...warning: unknown[]) => {
    if (warning[1] !== 'ExperimentalWarning') Reflect.apply(emitWarning, process, warning);
  };
  try {
    return process.getBuiltinModule('node:sqlite');
  } finally {
    process.emitWarning = emitWarning;
  }
}

/** BEGIN alone locks nothing: the first read does. */
function take(database: DatabaseSync, file: string, mode: LockMode): boolean {
  try {
    database.exec(mode === 'exclusive' ? 'BEGIN EXCLUSIVE' : 'BEGIN');
    if (mode === 'shared') database.exec('SELECT 1 FROM sqlite_master');
    return true;
  } catch (thrown) {
    // A shared BEGIN that was followed by a refused read is still a transaction.
    if (database.isTransaction) database.exec('ROLLBACK');
    if (((thrown as { errcode?: number }).errcode ?? 0) % 256 === SQLITE_BUSY) return false;
    database.close();
    throw unusable(thrown, file);
  }
}

function unusable(thrown: unknown, file: string): VmnetError {
  const { code, message } = thrown as NodeJS.ErrnoException;
  if (code === 'EACCES' || code === 'EPERM') {
    return new VmnetError('permission', 'no permission to lock', {
      where: file,
      hint: 'run as root',
      cause: thrown,
    });
  }
  return new VmnetError('record', `no lock can be had: ${message}`, {
    where: file,
    hint: 'it must be a file that can be written on a local file system',
    cause: thrown,
  });
}

/** /proc/locks has `1: POSIX ADVISORY WRITE PID MAJOR:MINOR:INODE START END`; other namespaces' processes are 0 or less. */
function hintOf(file: string): string {
  try {
    const inode = `:${statSync(file).ino}`;
    const held = readFileSync('/proc/locks', 'utf8')
      .split('\n')
      .map(line => line.trim().split(/\s+/))
      .filter(fields => fields[1] === 'POSIX' && fields[5]?.endsWith(inode));
    const pids = new Set(held.map(fields => Number(fields[4])).filter(pid => pid > 0 && pid !== process.pid));
    if (pids.size > 0) return `see what holds it: ps ${[...pids].join(' ')}`;
  } catch {
    // Only the hint is at stake.
  }
  return 'try again';
}

/** Of this process. `performance` would be loaded for it, with all that it measures. */
function uptimeMs(): number {
  return process.uptime() * 1000;
}
