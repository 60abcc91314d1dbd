import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { environment, startError, type Tool } from './exec.ts';

export interface Monitors {
  /** Each listens, or has been given the time to. */
  readonly ready: Promise<void>;
  /** Ends when they have ended. */
  close(): Promise<void>;
}

export interface MonitorEvents {
  readonly line: (tool: Tool, line: string) => void;
  /** It listens, after it had not: what has happened in between nobody has heard. */
  readonly listens: (tool: Tool) => void;
  readonly ended: (tool: Tool, reason: string) => void;
}

const MONITORS: readonly { readonly tool: Tool; readonly args: readonly string[] }[] = [
  { tool: 'ip', args: ['-o', '-N', 'monitor', 'label', 'link', 'address', 'route', 'rule', 'netconf'] },
  { tool: 'nft', args: ['monitor'] },
];

const RESTART_MS = 100;
const LONGEST_RESTART_MS = 10_000;
/** Who has lived this long did not die of its start. */
const GROWN_UP_MS = 10_000;
const LISTEN_MS = 2000;

/** Starts what listens to the kernel, and starts it again when it dies. */
export function startMonitors(events: MonitorEvents): Monitors {
  const abort = new AbortController();
  const kept = MONITORS.map(({ tool, args }) => keep(tool, args, events, abort.signal));
  return {
    ready: Promise.all(kept.map(({ ready }) => ready)).then(() => undefined),
    close: async () => {
      abort.abort();
      await Promise.all(kept.map(({ ended }) => ended));
    },
  };
}

function keep(tool: Tool, args: readonly string[], events: MonitorEvents, signal: AbortSignal) {
  const ready = Promise.withResolvers<void>();
  return { ready: ready.promise, ended: run().finally(ready.resolve) };

  async function run(): Promise<void> {
    for (let pause = RESTART_MS; !signal.aborted; pause = Math.min(pause * 2, LONGEST_RESTART_MS)) {
      const began = performance.now();
      const reason = await listen(tool, args, events, signal, ready.resolve);
      if (signal.aborted) return;
      events.ended(tool, reason);
      if (performance.now() - began > GROWN_UP_MS) pause = RESTART_MS;
      await sleep(pause, undefined, { signal }).catch(() => undefined);
    }
  }
}

/** One life of a monitor; ends with why it has ended. */
async function listen(
  tool: Tool,
  args: readonly string[],
  events: MonitorEvents,
  signal: AbortSignal,
  ready: () => void,
): Promise<string> {
  const child = spawn(tool, args, { stdio: ['ignore', 'pipe', 'pipe'], env: environment(), cwd: '/' });
  const kill = () => void child.kill('SIGTERM');
  signal.addEventListener('abort', kill, { once: true });
  for (const stream of [child.stdout, child.stderr])
    createInterface(stream).on('line', line => events.line(tool, line));
  const ended = new Promise<string>(resolve => {
    child.on('error', error => resolve(startError(tool, error).message));
    child.on('close', (code, by) => resolve(by === null ? `exit code ${code}` : by));
  });
  void untilListening(child, ended).then(() => {
    ready();
    if (child.exitCode === null && !signal.aborted) events.listens(tool);
  });
  return ended.finally(() => signal.removeEventListener('abort', kill));
}

/** No monitor says when it has begun. The kernel does: the first netlink socket of a process has its pid for a name. */
async function untilListening(child: ChildProcess, ended: Promise<unknown>): Promise<void> {
  let over = false;
  void ended.then(() => {
    over = true;
  });
  for (const end = performance.now() + LISTEN_MS; !over && performance.now() < end; await sleep(5)) {
    if (isListening(child.pid)) return;
  }
}

/** /proc/net/netlink: `sk protocol portid groups …`, groups in hexadecimal, of the network namespace of who reads it. */
function isListening(pid: number | undefined): boolean {
  return readFileSync('/proc/net/netlink', 'utf8')
    .split('\n')
    .map(line => line.trim().split(/\s+/))
    .some(([, , port, groups = '0']) => port === String(pid) && Number.parseInt(groups, 16) !== 0);
}
