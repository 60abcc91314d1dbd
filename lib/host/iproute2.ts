import type { VmnetError } from '../core/errors.ts';
import type { Family } from '../core/model/address.ts';
import type { IpAnswer, IpQuestion, IpRow } from '../core/observed/ip.ts';
import type { Line } from '../core/plan/render.ts';
import { type Exit, toolError } from './exec.ts';
import { openSession } from './session.ts';

/**
 * One `ip -batch`, or `bridge -batch`, that stays for the whole run: changes and questions go in as lines, answers come back as JSON arrays.
 * The process ends at the first line that fails, which ends the session. It remembers link names and indexes, so a
 * session must not outlive a run.
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

/** Of who is asked for no addresses, of which iproute2 would go through all. */
const LAST_OF_ROUTES: IpQuestion = { ...LAST, line: 'link show dev lo' };

const NO_PROXY: IpQuestion = {
  line: 'neigh show proxy dev lo',
  read: () => ({ objects: [], links: [] }),
};

export function openIp(family: Family): IpSession {
  if (family === 6) return openBatch('ip', ['-6', '-N', '-d'], LAST_OF_ROUTES);
  const session = openBatch('ip', ['-N', '-d'], LAST);
  // Before `ip` lists its first proxy neighbour it lists all links: while the program is being loaded, it has the time.
  session.exchange([], [NO_PROXY]).catch(() => undefined);
  return session;
}

/** The forwarding databases of bridges, which `ip` does not know. */
export function openBridge(): IpSession {
  return openBatch('bridge', [], NO_ENTRY);
}

/** Not a bridge, and in every network namespace. */
const NO_ENTRY: IpQuestion = { line: 'fdb show dev lo', read: () => ({ objects: [], links: [] }) };

function openBatch(tool: 'ip' | 'bridge', options: readonly string[], last: IpQuestion): IpSession {
  const session = openSession({
    tool,
    args: [...options, '-j', '-batch', '-'],
    isAnswer: line => line.startsWith('['),
    ended: (exit, sent) => lineError(tool, exit, sent),
  });
  return {
    async exchange(changes, questions) {
      const asked = [...questions, last];
      const lines = [...changes.map(line => line.text), ...asked.map(question => question.line)];
      const answers = await session.ask(lines, arrays => arrays.length === asked.length);
      return answersOf(answers, questions);
    },
    close: session.close,
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
function lineError(tool: 'ip' | 'bridge', exit: Exit, sent: readonly string[]): VmnetError {
  const line = sent[Number(/^Command failed -:(\d+)/m.exec(exit.stderr)?.[1] ?? 0) - 1];
  return toolError(tool, exit, line === undefined ? `${tool} -batch` : `${tool} ${line}`);
}
