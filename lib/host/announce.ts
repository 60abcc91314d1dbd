import { spawn } from 'node:child_process';
import { VmnetError } from '../core/errors.ts';
import type { Ifname } from '../core/model/ifname.ts';
import { ANNOUNCE_PROGRAM } from './announce-program.ts';

interface OutgoingFrame {
  readonly dev: Ifname;
  readonly frame: Uint8Array;
}

/** Sending blocks when the queue of an uplink stands still. */
const SEND_TIMEOUT_MS = 5000;
/** socat sends what one read() returns: up to this many frames are in its pipe before it can read half of one. */
const FRAMES_A_SOCAT = 50;

/**
 * Sends all frames at once; `repeats` are seconds after that, at which they go out again from a background process
 * which holds nothing of the caller's. When it returns the first round is out: a device that is absent or down is a
 * `kernel` error, after the frames of the others were sent. Without perl socat sends them, and nothing repeats.
 */
export async function sendFrames(
  frames: readonly OutgoingFrame[],
  repeats: readonly number[],
): Promise<void> {
  if (frames.length === 0) return;
  const lines = frames.map(({ dev, frame }) => `${dev} ${Buffer.from(frame).toString('hex')}\n`);
  const ended = await run('perl', ['-e', ANNOUNCE_PROGRAM, '--', ...repeats.map(String)], lines.join(''));
  if (ended === 'no such program') await sendBySocat(frames);
  else if (ended.reason !== undefined) throw refused(ended.reason);
}

/** Padded to one size, as socat has only the size of its reads to tell frames apart; receivers ignore the padding. */
async function sendBySocat(frames: readonly OutgoingFrame[]): Promise<void> {
  const size = Math.max(...frames.map(({ frame }) => frame.length));
  const reasons: string[] = [];
  for (const [dev, own] of Map.groupBy(frames, frame => frame.dev)) {
    for (let first = 0; first < own.length; first += FRAMES_A_SOCAT) {
      const part = own.slice(first, first + FRAMES_A_SOCAT);
      const bytes = new Uint8Array(size * part.length);
      for (const [i, { frame }] of part.entries()) bytes.set(frame, i * size);
      const ended = await run('socat', ['-u', `-b${size}`, '-', `INTERFACE:${dev}`], bytes);
      if (ended === 'no such program') {
        throw new VmnetError('missing', 'neither perl nor socat is there to send frames with', {
          where: 'announce',
          hint: 'install perl-base',
        });
      }
      if (ended.reason !== undefined) reasons.push(`${dev}: ${ended.reason}`);
    }
  }
  if (reasons.length > 0) throw refused(reasons.join(', '));
}

function refused(reason: string): VmnetError {
  return new VmnetError('kernel', reason, {
    where: 'announce',
    hint: 'neighbours find the way when their caches expire; see `ip link` for the uplink',
  });
}

/**
 * Runs one program to its end, and that of its standard error. `detached` gives it a session of its own, so that no
 * signal to the caller's process group ends the repeats. It sees none of the environment: locale and PERL5OPT change
 * what it does.
 */
function run(
  file: string,
  args: readonly string[],
  input: string | Uint8Array,
): Promise<{ readonly reason: string | undefined } | 'no such program'> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      cwd: '/',
      detached: true,
      env: { PATH: process.env.PATH ?? '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' },
      stdio: ['pipe', 'ignore', 'pipe'],
    });
    // spawn's own timeout would go on, and keep the process, where there is no such program.
    const timer = setTimeout(() => child.kill(), SEND_TIMEOUT_MS);
    let errors = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      errors += text;
    });
    child.once('error', (error: NodeJS.ErrnoException) => {
      clearTimeout(timer);
      if (error.code === 'ENOENT') resolve('no such program');
      else
        reject(
          new VmnetError('missing', `${file} cannot be run: ${error.message}`, {
            where: 'announce',
            cause: error,
          }),
        );
    });
    child.once('close', (code, signal) => {
      clearTimeout(timer);
      const reason = errors.trim() || (signal === null ? `${file} exited ${code}` : `${file} took too long`);
      resolve({ reason: code === 0 ? undefined : reason });
    });
    // What it did not read shows in how it exits.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
  });
}
