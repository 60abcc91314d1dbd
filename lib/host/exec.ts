import { type ChildProcess, spawn } from 'node:child_process';
import { quoted, VmnetError } from '../core/errors.ts';

/** How a child process ended. */
export interface Exit {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export type Tool =
  | 'ip'
  | 'bridge'
  | 'nft'
  | 'modprobe'
  | 'perl'
  | 'socat'
  | 'ovs-vsctl'
  | 'ss'
  | 'resolvectl'
  | 'sshd'
  | 'systemctl'
  | 'systemd-run'
  | 'xenstore-read'
  | 'xenstore-write';

const PACKAGES: Readonly<Record<Tool, string>> = {
  ip: 'iproute2',
  bridge: 'iproute2',
  nft: 'nftables',
  modprobe: 'kmod',
  perl: 'perl-base',
  socat: 'socat',
  'ovs-vsctl': 'openvswitch-switch',
  ss: 'iproute2',
  resolvectl: 'systemd-resolved',
  sshd: 'openssh-server',
  systemctl: 'systemd',
  'systemd-run': 'systemd',
  'xenstore-read': 'xenstore-utils',
  'xenstore-write': 'xenstore-utils',
};

/** Callers come with any PATH, cron's and the hypervisor's among them; the tools are always in these places. */
export const SYSTEM_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/**
 * What every tool gets: nothing of the caller's but the means to find its own files. No home: `nft -i` reads and writes
 * the history of what it was told there, or where it stands if it knows of none.
 */
export function environment(path = SYSTEM_PATH): Readonly<Record<string, string>> {
  return { PATH: path, LC_ALL: 'C', HOME: '/dev/null' };
}

/** A tool that stands still must not hold up a VM's start, and the locks of this run, for ever. */
export const TOOL_TIMEOUT_MS = 120_000;

/** A tool that was started and waits for its input: by the time that it is ready, so is the tool. */
export interface Waiting {
  /** Gives it the input, and waits for its end; after `timeoutMs` that is an error, and the tool is ended. */
  finish(input: string | Uint8Array, timeoutMs?: number): Promise<Exit>;
}

export interface StartOptions {
  /** In a session of its own: no signal to the caller's process group reaches it. */
  readonly detached?: boolean;
  readonly path?: string;
}

export function start(
  tool: Tool,
  args: readonly string[],
  { detached = false, path }: StartOptions = {},
): Waiting {
  const child = spawn(tool, args, { stdio: 'pipe', env: environment(path), cwd: '/', detached });
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
  // A tool that stops at an error leaves the rest of its input unread.
  child.stdin.on('error', () => undefined);
  const ended = new Promise<Exit>((resolve, reject) => {
    child.on('error', error => reject(startError(tool, error)));
    child.on('close', (code, signal) => {
      if (signal === null) resolve({ code: code ?? 0, stdout: text(out), stderr: text(err) });
      else reject(signalError(tool, signal));
    });
  });
  // Who waits for the end is told of a failure; nobody may be waiting yet.
  ended.catch(() => undefined);
  return {
    finish: (input, timeoutMs = TOOL_TIMEOUT_MS) => {
      child.stdin.end(input);
      return inTime(tool, child, ended, timeoutMs);
    },
  };
}

/** Ends the tool when the answer is not there in time. SIGKILL, as one that is stopped heeds nothing else. */
export function inTime<T>(
  tool: Tool,
  child: ChildProcess,
  answer: Promise<T>,
  timeoutMs: number,
): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    child.kill('SIGKILL');
    reject(
      new VmnetError('kernel', `${tool} has not answered for ${timeoutMs / 1000} s`, {
        hint: 'look into the kernel log and at the load of the machine, then run it again',
      }),
    );
  }, timeoutMs);
  return Promise.race([answer, promise]).finally(() => clearTimeout(timer));
}

function signalError(tool: Tool, signal: string): VmnetError {
  if (tool === 'ovs-vsctl' && signal === 'SIGALRM') {
    return new VmnetError('busy', 'Open vSwitch did not do in time what its database says', {
      hint: 'see whether ovs-vswitchd runs (systemctl status openvswitch-switch), then try again',
    });
  }
  return new VmnetError('kernel', `${tool} was ended by ${signal}`, {
    hint: 'look into the kernel log, then run it again',
  });
}

/** What a tool said when it failed, as an error of the kernel's or of the rights that we lack. */
export function toolError(tool: Tool, exit: Exit, doing: string): VmnetError {
  const said = exit.stderr
    .trim()
    .split('\n')
    .filter(line => !line.startsWith('Command failed'));
  const words = said[0] ?? `exit code ${exit.code}`;
  if (/Operation not permitted|must be root/i.test(exit.stderr)) {
    return new VmnetError('permission', `${tool} may not ${doing}: ${words}`, { hint: 'run it as root' });
  }
  return new VmnetError('kernel', `${tool} failed at ${quoted(doing)}: ${words}`, {
    hint: 'what this run had changed is undone',
  });
}

export function startError(tool: Tool, error: Error): VmnetError {
  const code = (error as NodeJS.ErrnoException).code;
  if (code !== 'ENOENT' && code !== 'EACCES')
    return new VmnetError('kernel', `${tool} cannot be started: ${error.message}`);
  return new VmnetError('missing', `${tool} is not installed`, { hint: `apt-get install ${PACKAGES[tool]}` });
}

function text(chunks: readonly Buffer[]): string {
  return Buffer.concat(chunks).toString('utf8');
}
