// `vmnet watch` on a node, as its unit runs it.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import { argvInside, PATH } from '../support/command.ts';
import type { Node } from '../support/datacentre.ts';

export interface Watching {
  readonly pid: number;
  /** What it has written since the start. */
  lines(): readonly string[];
  /** Waits for so many lines that match, 5 s at most if nothing else is said. */
  until(pattern: RegExp, count?: number, ms?: number): Promise<readonly string[]>;
  children(): readonly number[];
  /** Ends it by a signal, and gives its exit code. */
  stop(signal?: NodeJS.Signals): Promise<number | undefined>;
}

const root = join(import.meta.dirname, '../..');

/** Listens, and has looked once, when it returns. */
export async function startWatch(node: Node): Promise<Watching> {
  const [file = '', ...args] = argvInside(node, [join(root, 'dist/vmnet.cjs'), 'watch']);
  const env = { PATH, VMNET_CONFIG: node.configFile, VMNET_STATE_DIR: node.stateDir };
  const child = execa(file, args, { reject: false, env, stdin: 'ignore', timeout: 180_000 });
  let printed = '';
  child.stderr.on('data', (chunk: Buffer) => {
    printed += chunk.toString();
  });
  const lines = () => printed.split('\n').filter(Boolean);
  const { pid } = child;
  if (pid === undefined) throw new Error('vmnet watch does not start');
  const watching: Watching = {
    pid,
    lines,
    until: async (pattern, count = 1, ms = 5000) => {
      for (const end = Date.now() + ms; Date.now() < end; await sleep(10)) {
        const found = lines().filter(line => pattern.test(line));
        if (found.length >= count) return found;
      }
      throw new Error(`nothing like ${pattern} from vmnet watch, but:\n${printed}`);
    },
    children: () => childrenOf(pid),
    stop: async (signal = 'SIGTERM') => {
      child.kill(signal);
      return (await child).exitCode;
    },
  };
  // In the lab, programs start slowly.
  await watching.until(/watching/, 1, 30_000);
  return watching;
}

/** Of all its threads: each has the children that it has started. */
function childrenOf(pid: number): readonly number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    .trim()
    .split(' ')
    .filter(Boolean)
    .map(Number);
}
