import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { asVmnetError, formatError, VmnetError } from '../core/errors.ts';
import type { Unconfirmed } from '../core/model/unconfirmed.ts';
import { confirmRefusal, isHis, refuseSecond } from '../run/confirm.ts';
import type { Reporter } from '../run/ports.ts';
import type { Globals } from './context.ts';
import { runVmnet, startDeadMan, stopDeadMan } from './dead-man-process.ts';
import { beginOf, ownSession, thisBoot } from './ssh-session.ts';
import {
  alone,
  readUnconfirmed,
  refuseUndoing,
  removeUnconfirmed,
  snapshotFile,
  undoing,
  writeSnapshot,
  writeUnconfirmed,
} from './unconfirmed.ts';

export interface Armed {
  readonly seconds: number;
  /** What was, for the roll-back to read: it is on the disk before anything is changed. */
  readonly snapshot: string;
  /** Words for vmnet's own command line that bring back what is in the file: `['host', 'restore', file]`. */
  readonly rollback: (file: string) => readonly string[];
}

/** So often a roll-back is tried that finds the locks taken or the kernel unwilling, and the pause in between. */
const TRIES = 5;
const PAUSE_MS = 2000;
/** Who undoes waits for another who does. */
const PATIENCE_MS = 60_000;

/**
 * Runs a change that may cut its own author off. Unless `confirm` is run within `seconds`, by somebody who has come in
 * anew, a process outside of this one and its session runs the roll-back. A change that fails before it has touched
 * the kernel is disarmed at once; a `busy` error when an earlier one is not confirmed yet.
 */
export async function armed<T>(
  report: Reporter,
  globals: Globals,
  { seconds, snapshot, rollback }: Armed,
  work: () => Promise<T>,
): Promise<T> {
  const { stateDir } = globals;
  const { connection } = ownSession();
  const pending: Unconfirmed = {
    version: 1,
    id: randomUUID(),
    state: 'armed',
    until: new Date(Date.now() + seconds * 1000).toISOString(),
    rollback: rollback(snapshotFile(stateDir)),
    ...thisBoot(),
    author: process.pid,
    authorSince: beginOf(process.pid) ?? 0,
    ...(connection === undefined ? {} : { connection }),
  };
  alone(stateDir, () => {
    refuseSecond(readUnconfirmed(stateDir), pending.boot);
    writeSnapshot(stateDir, snapshot);
    writeUnconfirmed(stateDir, pending);
  });
  const deadMan = await startDeadMan(report, globals, pending.id, seconds).catch(async thrown => {
    await disarm(globals, pending);
    throw thrown;
  });
  const waiting = { ...pending, ...deadMan };
  alone(stateDir, () => isHis(readUnconfirmed(stateDir), pending.id) && writeUnconfirmed(stateDir, waiting));
  try {
    const result = await work();
    report('warn', `this is undone at ${pending.until} unless vmnet confirm is run, over a new connection`);
    return result;
  } catch (thrown) {
    const { exit } = asVmnetError(thrown);
    // What the kernel refused may not be all undone: then the dead man sees to it.
    if (exit !== 'kernel' && exit !== 'bug') await disarm(globals, waiting);
    throw thrown;
  }
}

/**
 * For what nobody is to confirm: it waits for a change that is to be (a `busy` error), and decides about what was undone,
 * as the configuration that it makes is the one that a boot makes then. What changes nothing waits for nobody.
 */
export function unarmed({ stateDir }: Globals, changes: boolean): void {
  alone(stateDir, () => {
    const found = readUnconfirmed(stateDir);
    if (changes) refuseSecond(found, thisBoot().boot);
    if (found?.state === 'undone') removeUnconfirmed(stateDir);
  });
}

/** Keeps the change; `force` whoever asks, and whatever has become of it. */
export async function confirm(globals: Globals, force: boolean): Promise<void> {
  const { stateDir } = globals;
  const pending = alone(stateDir, () => {
    refuseUndoing(stateDir);
    const found = readUnconfirmed(stateDir);
    const refusal = confirmRefusal(found, ownSession(), thisBoot().boot);
    if (refusal !== undefined && (found === undefined || !force)) throw refusal;
    removeUnconfirmed(stateDir);
    return found;
  });
  if (pending !== undefined) await stopDeadMan(pending);
}

/** Runs the roll-back, when `id` is still waiting to be confirmed; without one, whatever there is. */
export async function undo(report: Reporter, globals: Globals, id?: string): Promise<boolean> {
  const held = undoing(globals.stateDir, PATIENCE_MS);
  try {
    return await undoNow(report, globals, id);
  } finally {
    held.release();
  }
}

async function undoNow(report: Reporter, globals: Globals, id: string | undefined): Promise<boolean> {
  const { stateDir } = globals;
  const pending = alone(stateDir, () => {
    const found = readUnconfirmed(stateDir);
    if (found === undefined || (id !== undefined && !isHis(found, id))) return undefined;
    writeUnconfirmed(stateDir, { ...found, state: 'undoing' });
    return found;
  });
  if (pending === undefined) return false;
  if (id === undefined) await stopDeadMan(pending);
  if (endAuthor(pending)) report('warn', `process ${pending.author} was still at the change and is ended`);
  await rollBack(report, globals, pending.rollback);
  alone(stateDir, () => {
    if (readUnconfirmed(stateDir)?.id === pending.id)
      writeUnconfirmed(stateDir, { ...pending, state: 'undone' });
  });
  return true;
}

/**
 * What the boot asks before it builds the network of the configuration: false when nothing is left to confirm. What is,
 * the configuration still asks for, and the boot before did not survive it: so what was before is built instead.
 */
export async function undoAtBoot(report: Reporter, globals: Globals): Promise<boolean> {
  const found = readable(report, globals);
  if (found === undefined) return false;
  refuseSecond(found.boot === thisBoot().boot && found.state === 'armed' ? found : undefined, found.boot);
  return undo(report, globals);
}

/** A host without any network would be worse than one with a network that nobody has confirmed. */
function readable(report: Reporter, { stateDir }: Globals): Unconfirmed | undefined {
  try {
    return readUnconfirmed(stateDir);
  } catch (thrown) {
    report('error', formatError(asVmnetError(thrown)));
    return undefined;
  }
}

/** Who hangs in the middle of a change has the locks that its roll-back needs, and may go on after it. */
function endAuthor({ author, authorSince, boot }: Unconfirmed): boolean {
  if (boot !== thisBoot().boot || beginOf(author) !== authorSince) return false;
  try {
    return process.kill(author, 'SIGKILL');
  } catch {
    return false;
  }
}

async function rollBack(report: Reporter, globals: Globals, rollback: readonly string[]): Promise<void> {
  for (let round = 1; ; round += 1) {
    const code = await runVmnet(globals, rollback);
    if (code === 0) return;
    report('error', `the roll-back vmnet ${rollback.join(' ')} has failed with exit code ${code}`);
    if (round === TRIES)
      throw new VmnetError('kernel', 'what was not confirmed is not undone', {
        hint: 'vmnet confirm --undo tries again',
      });
    await sleep(PAUSE_MS);
  }
}

async function disarm({ stateDir }: Globals, pending: Unconfirmed): Promise<void> {
  alone(stateDir, () => {
    if (isHis(readUnconfirmed(stateDir), pending.id)) removeUnconfirmed(stateDir);
  });
  await stopDeadMan(pending);
}
