import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import type { VmnetError } from '../core/errors.ts';
import { type Exit, environment, inTime, startError, TOOL_TIMEOUT_MS, type Tool } from './exec.ts';

/**
 * A tool that stays for a whole run: questions go in as lines, answers come back as lines, each written out as soon as
 * it is complete. Starting a process is what an attach costs most.
 */
export interface Session {
  /**
   * Sends the lines, and waits for the answers until `complete` says that they are all there. An error, too late answers
   * among them, is the end of the session.
   */
  ask(
    lines: readonly string[],
    complete: (answers: readonly string[]) => boolean,
  ): Promise<readonly string[]>;
  /** What the tool has complained about since this was asked last, up to the last answer. */
  said(): Promise<string>;
  close(): void;
}

export interface SessionKind {
  readonly tool: Tool;
  readonly args: readonly string[];
  /** A file of ours that the tool gets as its descriptor 3. */
  readonly file?: number;
  readonly isAnswer: (line: string) => boolean;
  readonly timeoutMs?: number;
  /** The error of a session that ended before its answers; `sent` is all that it was told. */
  readonly ended: (exit: Exit, sent: readonly string[]) => VmnetError;
}

/** A question on its way; answers come in the order of the questions. */
interface Asked {
  readonly complete: (answers: readonly string[]) => boolean;
  readonly answers: string[];
  readonly answered: (answers: readonly string[]) => void;
  readonly failed: (error: VmnetError) => void;
}

interface State {
  readonly sent: string[];
  readonly waiting: Asked[];
  /** Of stdout, the line that is not complete. */
  rest: string;
  said: string;
  /** How much of that was handed out. */
  told: number;
  ended?: VmnetError;
}

export function openSession(kind: SessionKind): Session {
  const { tool, args, file, isAnswer, ended, timeoutMs = TOOL_TIMEOUT_MS } = kind;
  const child = spawn(tool, args, {
    stdio: ['pipe', 'pipe', 'pipe', ...(file === undefined ? [] : [file])],
    env: environment(),
    cwd: '/',
  }) as ChildProcessWithoutNullStreams;
  const state: State = { sent: [], waiting: [], rest: '', said: '', told: 0 };
  const end = (error: VmnetError): void => {
    state.ended ??= error;
    for (const asked of state.waiting.splice(0)) asked.failed(state.ended);
  };
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    const lines = (state.rest + chunk).split('\n');
    state.rest = lines.pop() ?? '';
    for (const line of lines.filter(isAnswer)) take(state, line);
  });
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    state.said += chunk;
  });
  child.on('error', error => end(startError(tool, error)));
  child.on('close', code => end(ended({ code: code ?? 1, stdout: '', stderr: state.said }, state.sent)));
  // A batch that has ended at an error leaves the rest of its input unread.
  child.stdin.on('error', () => undefined);
  return {
    ask: (lines, complete) => {
      const answer = new Promise<readonly string[]>((answered, failed) => {
        if (state.ended !== undefined) return failed(state.ended);
        // Written at once, whoever has asked before: the tool works while the program does something else.
        state.waiting.push({ complete, answers: [], answered, failed });
        state.sent.push(...lines);
        child.stdin.write(`${lines.join('\n')}\n`);
      });
      return inTime(tool, child, answer, timeoutMs);
    },
    said: async () => {
      await turn();
      await turn();
      const news = state.said.slice(state.told);
      state.told = state.said.length;
      return news;
    },
    close: () => child.stdin.end(),
  };
}

function take(state: State, line: string): void {
  const [asked] = state.waiting;
  if (asked === undefined) return;
  asked.answers.push(line);
  if (!asked.complete(asked.answers)) return;
  state.waiting.shift();
  asked.answered(asked.answers);
}

/**
 * A complaint that a tool made before it answered is in its pipe, but the answer may be read first. All that was in a
 * pipe when a turn of the event loop began is read at its end.
 */
function turn(): Promise<void> {
  return new Promise(resolve => setImmediate(resolve));
}
