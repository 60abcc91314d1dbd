import { VmnetError } from '../core/errors.ts';
import type { Ifname } from '../core/model/ifname.ts';
import { ANNOUNCE_PROGRAM } from './announce-program.ts';
import { type StartOptions, start, type Waiting } from './exec.ts';

interface OutgoingFrame {
  readonly dev: Ifname;
  /** Whose it is: repeats end when this tap is detached or gone. */
  readonly tap: Ifname;
  readonly frame: Uint8Array;
}

/** Sending blocks when the queue of an uplink stands still. */
const SEND_TIMEOUT_MS = 5000;
/** socat sends what one read() returns: up to this many frames are in its pipe before it can read half of one. */
const FRAMES_A_SOCAT = 50;

/** A process that waits for frames, so that its start costs nothing when they are ready. */
export interface Announcer {
  send(frames: readonly OutgoingFrame[]): Promise<void>;
  /** Ends it when there was nothing to send. */
  close(): void;
}

/**
 * Starts what sends all frames at once; `repeats` are seconds after that, at which they go out again from a background
 * process which holds nothing of the caller's. When `send` returns the first round is out: a device that is absent or
 * down is a `kernel` error, after the frames of the others were sent. Without perl socat sends them, and nothing repeats.
 */
export function startAnnouncer(repeats: readonly number[], path?: string): Announcer {
  const options = { detached: true, ...(path === undefined ? {} : { path }) };
  const program = start('perl', ['-e', ANNOUNCE_PROGRAM, '--', ...repeats.map(String)], options);
  return {
    send: async frames => {
      const lines = frames.map(
        ({ dev, tap, frame }) => `${dev} ${tap} ${Buffer.from(frame).toString('hex')}\n`,
      );
      const reason = await reasonOf(program, lines.join('')).catch(thrown => {
        if (isMissing(thrown)) return sendBySocat(frames, options);
        throw thrown;
      });
      if (reason !== '') throw refused(reason);
    },
    close: () => void program.finish('').catch(() => undefined),
  };
}

/** Padded to one size, as socat has only the size of its reads to tell frames apart; receivers ignore the padding. */
async function sendBySocat(frames: readonly OutgoingFrame[], options: StartOptions): Promise<string> {
  const size = Math.max(...frames.map(({ frame }) => frame.length));
  const reasons: string[] = [];
  for (const [dev, own] of Map.groupBy(frames, frame => frame.dev)) {
    for (let first = 0; first < own.length; first += FRAMES_A_SOCAT) {
      const part = own.slice(first, first + FRAMES_A_SOCAT);
      const bytes = new Uint8Array(size * part.length);
      for (const [i, { frame }] of part.entries()) bytes.set(frame, i * size);
      const reason = await reasonOf(
        start('socat', ['-u', `-b${size}`, '-', `INTERFACE:${dev}`], options),
        bytes,
      );
      if (reason !== '') reasons.push(`${dev}: ${reason}`);
    }
  }
  return reasons.join(', ');
}

/** Why a program failed; empty when it did not. */
async function reasonOf(program: Waiting, input: string | Uint8Array): Promise<string> {
  const { code, stderr } = await program.finish(input, SEND_TIMEOUT_MS);
  return code === 0 ? '' : stderr.trim() || `exit code ${code}`;
}

function isMissing(thrown: unknown): boolean {
  return thrown instanceof VmnetError && thrown.exit === 'missing';
}

function refused(reason: string): VmnetError {
  return new VmnetError('kernel', reason, {
    where: 'announce',
    hint: 'neighbours find the way when their caches expire; see `ip link` for the uplink',
  });
}
