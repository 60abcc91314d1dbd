// Runs commands in network namespaces, for the tests: argv only, bounded in time.
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { execa, execaSync } from 'execa';

/** Under emulation, a program of vmnet's takes seconds to start. */
const TIMEOUT_MS = process.env.VMNET_LAB === undefined ? 20_000 : 90_000;

/** Anything with a network stack of its own: router, node, VM, segments. */
export interface Place {
  /** The name of its network namespace. */
  readonly ns: string;
}

export interface CommandResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  readonly input?: string | Uint8Array;
  readonly env?: Readonly<Record<string, string>>;
  /** Default 20 s, more in the lab. */
  readonly timeoutMs?: number;
}

/** Cron and `su` leave the directories of ip and nft out. */
export const PATH = [process.env.PATH, '/usr/local/sbin', '/usr/sbin', '/sbin'].join(delimiter);

/** Runs a command to its end, whatever it answers; throws only if it cannot be started or does not end. */
export async function run(argv: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
  const [file = '', ...args] = argv;
  const result = await execa(file, args, {
    reject: false,
    stdin: options.input === undefined ? 'ignore' : 'pipe',
    ...(options.input === undefined ? {} : { input: options.input }),
    env: { PATH, ...options.env },
    timeout: options.timeoutMs ?? TIMEOUT_MS,
  });
  if (result.exitCode === undefined) {
    throw new Error(result.shortMessage ?? `${file} did not end`, { cause: result.cause });
  }
  return { exitCode: result.exitCode, stdout: result.stdout, stderr: result.stderr };
}

/** Runs a command in a namespace. */
export function inside(
  place: Place,
  argv: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  return run(argvInside(place, argv), options);
}

export function argvInside(place: Place, argv: readonly string[]): readonly string[] {
  return ['ip', 'netns', 'exec', place.ns, ...argv];
}

/** Runs a command that has to succeed, and gives what it printed. */
export async function must(argv: readonly string[], options: CommandOptions = {}): Promise<string> {
  const { exitCode, stdout, stderr } = await run(argv, options);
  if (exitCode === 0) return stdout;
  throw new Error(`${argv.join(' ')}: exit ${exitCode}: ${stderr.trim()}`);
}

/** `ip` with one argv, in a namespace: `ip(node, 'link', 'set', 'up0', 'down')`. */
export function ip(place: Place, ...args: readonly string[]): Promise<string> {
  return must(['ip', '-n', place.ns, ...args]);
}

/** Several lines of `ip` in a namespace, by one process. */
export async function ipBatch(place: Place, lines: readonly string[]): Promise<void> {
  await must(['ip', '-n', place.ns, '-batch', '-'], { input: `${lines.join('\n')}\n` });
}

/** Writes one value to several files below /proc/sys, as the namespace sees them. */
export async function writeSysctl(place: Place, value: string, ...paths: readonly string[]): Promise<void> {
  await must(argvInside(place, ['tee', ...paths.map(path => `/proc/sys/${path}`)]), { input: value });
}

/** What this machine lacks for tests in network namespaces, in one line; undefined when nothing. */
export function missingForNamespaces(): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root, to make network namespaces';
  const missing = ['ip', 'nft', 'ping', 'tcpdump', 'perl', 'tee'].filter(tool => !isInstalled(tool));
  if (missing.length > 0) return `needs ${missing.join(', ')} installed; make setup does that`;
  const probe = `vmt${process.pid}-probe`;
  try {
    execaSync('ip', ['netns', 'add', probe], { env: { PATH } });
    execaSync('ip', ['-n', probe, 'link', 'add', 'br0', 'type', 'bridge'], { env: { PATH } });
    execaSync('ip', ['-n', probe, 'link', 'add', 'v0', 'type', 'veth', 'peer', 'name', 'v1'], {
      env: { PATH },
    });
    return undefined;
  } catch (error) {
    const reason = error instanceof Error ? error.message.split('\n')[0] : String(error);
    return `needs network namespaces, bridges and veth: ${reason}`;
  } finally {
    execaSync('ip', ['netns', 'del', probe], { env: { PATH }, reject: false });
  }
}

export function isInstalled(tool: string): boolean {
  return PATH.split(delimiter).some(dir => dir !== '' && existsSync(join(dir, tool)));
}
