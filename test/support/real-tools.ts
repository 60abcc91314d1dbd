// `ip` and its like, run one after another in the network namespace in which this process is.
import { execaSync } from 'execa';
import { PATH } from './command.ts';

export type Json = Readonly<Record<string, unknown>>;

export function answers(family: 4 | 6, questions: readonly string[]): readonly (readonly Json[])[] {
  const out = tool(
    'ip',
    [...(family === 6 ? ['-6'] : []), '-N', '-d', '-j', '-batch', '-'],
    questions.join('\n'),
  );
  return out
    .split('\n')
    .filter(line => line.startsWith('['))
    .map(line => JSON.parse(line));
}

/** Without -6, `ip` takes the family from the addresses; a rule may have none. */
export function batch(family: 4 | 6, lines: readonly string[]): void {
  tool('ip', [...(family === 6 ? ['-6'] : []), '-batch', '-'], lines.join('\n'));
}

export function tool(file: string, args: readonly string[], input = ''): string {
  // Who reads no input may have ended before it is written.
  const given = input === '' ? { stdin: 'ignore' as const } : { input: `${input}\n` };
  return execaSync(file, args, { ...given, env: { PATH }, timeout: 20_000 }).stdout;
}
