import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { VmnetError } from '../core/errors.ts';
import type { Unconfirmed } from '../core/model/unconfirmed.ts';
import { parseUnconfirmed } from '../core/source/unconfirmed.ts';
import { DEFAULT_STATE_DIR } from './defaults.ts';
import { acquire, type Held } from './lock.ts';

/** Where things are that a boot must find. */
export function lastingDir(stateDir: string): string {
  return stateDir === DEFAULT_STATE_DIR ? '/var/lib/vmnet' : join(stateDir, 'lasting');
}

export function snapshotFile(stateDir: string): string {
  return join(lastingDir(stateDir), 'before.snapshot');
}

export function readUnconfirmed(stateDir: string): Unconfirmed | undefined {
  const file = fileOf(stateDir);
  try {
    return parseUnconfirmed(readFileSync(file, 'utf8'), file);
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw thrown instanceof VmnetError ? thrown : failed(thrown, file);
  }
}

/** On the disk when it returns: a power cut must not take the way back along. */
export function writeUnconfirmed(stateDir: string, pending: Unconfirmed): void {
  writeLasting(fileOf(stateDir), `${JSON.stringify(pending, undefined, 2)}\n`);
}

export function writeSnapshot(stateDir: string, text: string): void {
  writeLasting(snapshotFile(stateDir), text);
}

/** The text of a snapshot. */
export function readSnapshot(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (thrown) {
    throw failed(thrown, file);
  }
}

export function removeUnconfirmed(stateDir: string): void {
  for (const file of [fileOf(stateDir), snapshotFile(stateDir)]) rmSync(file, { force: true });
}

const WAIT_MS = 10_000;

/** One at a time: of confirmation and dead man, who comes second finds what the first has made of it. No tap is called so. */
export function alone<T>(stateDir: string, work: () => T): T {
  const held = acquire(join(stateDir, 'lock'), '-confirm', 'exclusive', WAIT_MS);
  try {
    return work();
  } finally {
    held.release();
  }
}

/** Held by who takes a change back, until it is taken back. */
export function undoing(stateDir: string, timeoutMs: number): Held {
  return acquire(join(stateDir, 'lock'), '-undo', 'exclusive', timeoutMs);
}

/** Nobody keeps or forgets it then: its way back would be tried again, over what is made next. */
export function refuseUndoing(stateDir: string): void {
  try {
    undoing(stateDir, 0).release();
  } catch (thrown) {
    if (!(thrown instanceof VmnetError) || thrown.exit !== 'busy') throw thrown;
    throw new VmnetError('busy', 'the change is being undone just now', { hint: 'again in a minute' });
  }
}

function fileOf(stateDir: string): string {
  return join(lastingDir(stateDir), 'unconfirmed.json');
}

function writeLasting(file: string, text: string): void {
  // Always the same one, as all who write are `alone`: what a killed process has left is written over.
  const temporary = `${file}.tmp`;
  const dir = join(file, '..');
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    const descriptor = openSync(temporary, 'w', 0o600);
    try {
      writeSync(descriptor, text);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    renameSync(temporary, file);
    const directory = openSync(dir, 'r');
    fsyncSync(directory);
    closeSync(directory);
  } catch (thrown) {
    rmSync(temporary, { force: true });
    throw failed(thrown, file);
  }
}

function failed(thrown: unknown, where: string): VmnetError {
  const { code, message } = thrown as NodeJS.ErrnoException;
  return new VmnetError('record', `cannot be read or written: ${code ?? message}`, { where, cause: thrown });
}
