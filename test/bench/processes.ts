// Which programs one attach starts.
import { existsSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { inside } from '../support/command.ts';
import type { BenchNode } from './node.ts';
import { type Command, words } from './programs.ts';
import type { Row } from './rows.ts';

/** strace is slow and waits for the repeats of the announcement: this run's time counts nowhere. */
export async function processRow(what: string, node: BenchNode, { argv, env }: Command): Promise<Row> {
  const log = `${node.config}.strace`;
  const strace = ['strace', '-f', '-qq', '-e', 'trace=execve', '-o', log];
  const { exitCode, stderr } = await inside(node, [
    'env',
    '-i',
    '-C',
    '/',
    ...words(env),
    ...strace,
    ...argv,
  ]);
  if (exitCode !== 0 || !existsSync(log)) throw new Error(`${what}, by strace: exit ${exitCode}: ${stderr}`);
  const [, ...started] = commandsOf(readFileSync(log, 'utf8'));
  return {
    section: 'Programs that an attach starts',
    what,
    unit: 'programs',
    values: [started.length],
    budget: 8,
    note: started.join(', '),
  };
}

/** The commands in order, the first being the one that was traced; what PATH did not have is no command. */
function commandsOf(log: string): readonly string[] {
  return log.split('\n').flatMap(line => {
    const found = /execve\("([^"]+)", \[(.*?)\](?:\.\.\.)?, .*= 0$/.exec(line);
    if (found === null) return [];
    const args = [...(found[2] ?? '').matchAll(/"((?:[^"\\]|\\.)*)"/g)].map(match => match[1] ?? '');
    return [[basename(found[1] ?? ''), ...args.slice(1).filter(isShort)].join(' ')];
  });
}

/** A whole program may be among the arguments. */
function isShort(arg: string): boolean {
  return arg.length < 20 && !arg.includes('\\');
}
