import { spawn } from 'node:child_process';
import type { VmnetError } from '../core/errors.ts';
import { type Exit, environment, startError, type Tool } from './exec.ts';

/**
 * A tool that stays for a whole run: questions go in as lines, answers come back as lines, each written out as soon as
 * it is complete. Starting a process is what an attach costs most.
 */
export interface Session {
  /** Sends the lines, and waits for the answers until `complete` says that they are all there. */
  ask(lines: readonly string[], complete: (answers: readonly string[]) => boolean): Promise<Answered>;
  close(): void;
}

export interface Answered {
  readonly answers: readonly string[];
  /** What the tool has complained about since the last question. */
  readonly said: string;
}

export interface SessionKind {
  readonly tool: Tool;
  readonly args: readonly string[];
  readonly isAnswer: (line: string) => boolean;
  /** The error of a session that ended before its answers; `sent` is all that it was told. */
  readonly ended: (exit: Exit, sent: readonly string[]) => VmnetError;
}

interface State {
  readonly sent: string[];
  answers: string[];
  /** Of stdout, the line that is not complete. */
  rest: string;
  said: string;
  ended?: VmnetError;
  wake: () => void;
}

export function openSession({ tool, args, isAnswer, ended }: SessionKind): Session {
  const child = spawn(tool, args, { stdio: 'pipe', env: environment(), cwd: '/' });
  const state: State = { sent: [], answers: [], rest: '', said: '', wake: () => undefined };
  const end = (error: VmnetError): void => {
    state.ended ??= error;
    state.wake();
  };
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    const lines = (state.rest + chunk).split('\n');
    state.rest = lines.pop() ?? '';
    state.answers.push(...lines.filter(isAnswer));
    state.wake();
  });
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    state.said += chunk;
  });
  child.on('error', error => end(startError(tool, error)));
  child.on('close', code => end(ended({ code: code ?? 1, stdout: '', stderr: state.said }, state.sent)));
  // A batch that has ended at an error leaves the rest of its input unread.
  child.stdin.on('error', () => undefined);
  const write = (lines: readonly string[]): void => {
    child.stdin.write(`${lines.join('\n')}\n`);
  };
  let before: Promise<unknown> = Promise.resolve();
  return {
    ask: (lines, complete) => {
      const answered = before.then(() => ask(state, write, lines, complete));
      // One question at a time; who asked before is told of its own failure.
      before = answered.catch(() => undefined);
      return answered;
    },
    close: () => child.stdin.end(),
  };
}

async function ask(
  state: State,
  write: (lines: readonly string[]) => void,
  lines: readonly string[],
  complete: (answers: readonly string[]) => boolean,
): Promise<Answered> {
  state.sent.push(...lines);
  state.answers = [];
  write(lines);
  while (!complete(state.answers)) {
    if (state.ended !== undefined) throw state.ended;
    await new Promise<void>(resolve => {
      state.wake = resolve;
    });
  }
  return { answers: state.answers, said: state.said };
}
