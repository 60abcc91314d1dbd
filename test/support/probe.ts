// Pings: a few of them for "does it answer", and many in a row for "for how long did it not".
import { execa } from 'execa';
import { argvInside, inside, PATH, type Place } from './command.ts';

export interface Pinged {
  readonly sent: number;
  readonly received: number;
}

/** Pings an address of either family. */
export async function ping(
  from: Place,
  address: string,
  options: { readonly count?: number; readonly waitSeconds?: number } = {},
): Promise<Pinged> {
  const count = options.count ?? 3;
  const wait = options.waitSeconds ?? 1;
  const argv = ['ping', '-n', '-i', '0.02', '-c', String(count), '-W', String(wait), address];
  const { stdout, stderr } = await inside(from, argv);
  const totals = /(\d+) packets transmitted, (\d+) received/.exec(stdout);
  // An unreachable network is no answer, too.
  if (totals === null && !/unreachable/i.test(stderr)) throw new Error(`ping ${address}: ${stderr.trim()}`);
  return { sent: Number(totals?.[1] ?? count), received: Number(totals?.[2] ?? 0) };
}

export interface Probed {
  readonly sent: number;
  readonly lost: number;
  /** From one answer to the next, or to the end; a link without loss has one of about the interval. */
  readonly longestGapMs: number;
  /** From the last answer to the end. */
  readonly silentMs: number;
  /** Times of the answers, by sequence number, in ms since the epoch. */
  readonly answers: ReadonlyMap<number, number>;
}

export interface Probe {
  stop(): Promise<Probed>;
}

const INTERVAL_MS = 5;

/** Pings every 5 ms, for a minute at most; returns once the first answer is there. */
export async function startProbe(from: Place, address: string): Promise<Probe> {
  // With -w it would end at the first error that a router reports: while a VM is on its way, somebody does.
  const count = String(60_000 / INTERVAL_MS);
  const argv = ['ping', '-n', '-D', '-i', String(INTERVAL_MS / 1000), '-c', count, address];
  const [file = '', ...args] = argvInside(from, argv);
  const child = execa(file, args, { reject: false, env: { PATH }, stdin: 'ignore' });
  await new Promise<void>((answered, failed) => {
    const timer = setTimeout(() => {
      child.kill('SIGINT');
      failed(new Error(`${address} does not answer`));
    }, 3000);
    let text = '';
    const look = (chunk: Buffer) => {
      text += chunk.toString();
      if (!ANSWER.test(text)) return;
      child.stdout.off('data', look);
      clearTimeout(timer);
      answered();
    };
    child.stdout.on('data', look);
  });
  return {
    stop: async () => {
      const stoppedMs = Date.now();
      child.kill('SIGINT');
      return readProbe((await child).stdout, stoppedMs);
    },
  };
}

const ANSWER = /^\[(\d+\.\d+)\] \d+ bytes from .*?icmp_seq=(\d+) /m;

/** Reads what `ping -D` printed. */
export function readProbe(text: string, stoppedMs: number): Probed {
  const answers = new Map<number, number>();
  for (const line of text.split('\n')) {
    const match = ANSWER.exec(line);
    if (match !== null && !answers.has(Number(match[2])))
      answers.set(Number(match[2]), Number(match[1]) * 1000);
  }
  const sent = Number(/(\d+) packets transmitted/.exec(text)?.[1] ?? 0);
  // The last one may still have been on its way.
  const lost = Array.from({ length: Math.max(sent - 1, 0) }, (_, i) => i + 1).filter(
    seq => !answers.has(seq),
  ).length;
  const times = [...answers.values(), stoppedMs].sort((a, b) => a - b);
  const gaps = times.map((time, i) => Math.round(time - (times[i - 1] ?? time)));
  return { sent, lost, longestGapMs: Math.max(0, ...gaps), silentMs: gaps.at(-1) ?? 0, answers };
}
