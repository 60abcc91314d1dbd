// The bench's own programs, in C: what a script would measure is mostly the script.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { inside, must, type Place } from '../support/command.ts';

export interface Programs {
  readonly stopwatch: string;
  readonly packets: string;
}

export interface Timing {
  /** Until the command had ended, in milliseconds. */
  readonly wall: number;
  /** Until the kernel had its last change. */
  readonly ready: number;
}

/** A command with all of its environment. */
export interface Command {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

const root = join(import.meta.dirname, '../..');

export async function compile(): Promise<Programs> {
  const dir = join(root, '.cache/bench');
  mkdirSync(dir, { recursive: true });
  const [stopwatch, packets] = await Promise.all(['stopwatch', 'packets'].map(name => compileOne(name, dir)));
  return { stopwatch: stopwatch ?? '', packets: packets ?? '' };
}

/** By rename, since another bench may be running the program. */
async function compileOne(name: string, dir: string): Promise<string> {
  const target = join(dir, name);
  const fresh = `${target}.${process.pid}`;
  await must(['gcc', '-O2', '-Wall', '-Wextra', '-o', fresh, join(import.meta.dirname, `${name}.c`)]);
  await must(['mv', fresh, target]);
  return target;
}

/**
 * Runs a command in a namespace, alone with its environment, and throws when it fails. `proxies` are the proxy
 * neighbours, ADDRESS@DEV, without which its work is not done.
 */
export async function measure(
  { stopwatch }: Programs,
  place: Place,
  { argv, env }: Command,
  proxies: readonly string[] = [],
): Promise<Timing> {
  const { exitCode, stdout, stderr } = await inside(
    place,
    ['env', '-i', '-C', '/', ...words(env), stopwatch, ...proxies, '--', ...argv],
    { timeoutMs: 60_000 },
  );
  const found = (exitCode === 0 ? JSON.parse(stdout) : { status: -1 }) as Timing & { status: number };
  if (found.status !== 0)
    throw new Error(`${argv.join(' ')} in ${words(env).join(' ')}: exit ${found.status}: ${stderr}`);
  return { wall: found.wall / 1e6, ready: found.ready / 1e6 };
}

export function words(env: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(env).map(([key, value]) => `${key}=${value}`);
}
