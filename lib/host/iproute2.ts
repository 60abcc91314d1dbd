import { spawn } from 'node:child_process';
import type { VmnetError } from '../core/errors.ts';
import type { Family } from '../core/model/address.ts';
import type { IpAnswer, IpQuestion, IpRow } from '../core/observed/ip.ts';
import type { Line } from '../core/plan/render.ts';
import { environment, startError, toolError } from './exec.ts';

/**
 * One `ip -batch` that stays for the whole run: changes and questions go in as lines, answers come back as JSON arrays,
 * each written out as soon as it is complete. The process ends at the first line that fails, which ends the session.
 * It remembers link names and indexes, so a session must not outlive a run.
 */
export interface IpSession {
  /** Carries out the changes in order, then asks. */
  exchange(changes: readonly Line[], questions: readonly IpQuestion[]): Promise<IpAnswer>;
  close(): void;
}

/**
 * When its answer is there, all before it is done: every network namespace has this link. Not `link show`, after which
 * iproute2 leaves the addresses out of every later answer.
 */
const LAST: IpQuestion = { line: 'address show dev lo', read: () => ({ objects: [], links: [] }) };

export function openIp(family: Family): IpSession {
  const args = [...(family === 6 ? ['-6'] : []), '-N', '-d', '-j', '-batch', '-'];
  const child = spawn('ip', args, { stdio: 'pipe', env: environment(), cwd: '/' });
  const session = {
    sent: [] as string[],
    arrays: [] as string[],
    rest: '',
    said: '',
    ended: undefined as VmnetError | undefined,
  };
  let wake: () => void = () => undefined;
  const end = (error: VmnetError): void => {
    session.ended ??= error;
    wake();
  };
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    const lines = (session.rest + chunk).split('\n');
    session.rest = lines.pop() ?? '';
    session.arrays.push(...lines.filter(line => line.startsWith('[')));
    wake();
  });
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    session.said += chunk;
  });
  child.on('error', error => end(startError('ip', error)));
  child.on('close', code => end(lineError(session.sent, session.said, code ?? 1)));
  // A batch that has ended at an error leaves the rest of its input unread.
  child.stdin.on('error', () => undefined);

  return {
    async exchange(changes, questions) {
      const asked = [...questions, LAST];
      const lines = [...changes.map(line => line.text), ...asked.map(question => question.line)];
      session.sent.push(...lines);
      session.arrays = [];
      child.stdin.write(`${lines.join('\n')}\n`);
      while (session.arrays.length < asked.length) {
        if (session.ended !== undefined) throw session.ended;
        await new Promise<void>(resolve => {
          wake = resolve;
        });
      }
      return answersOf(session.arrays, questions);
    },
    close: () => child.stdin.end(),
  };
}

function answersOf(arrays: readonly string[], questions: readonly IpQuestion[]): IpAnswer {
  const answers = questions.map((question, i) => question.read(JSON.parse(arrays[i] ?? '[]') as IpRow[]));
  return {
    objects: answers.flatMap(answer => answer.objects),
    links: answers.flatMap(answer => answer.links),
  };
}

/** `ip` gives the number of the line that the kernel refused; of one that it could not even parse, it gives none. */
function lineError(sent: readonly string[], said: string, code: number): VmnetError {
  const line = sent[Number(/^Command failed -:(\d+)/m.exec(said)?.[1] ?? 0) - 1];
  return toolError('ip', { code, stdout: '', stderr: said }, line === undefined ? 'ip -batch' : `ip ${line}`);
}
