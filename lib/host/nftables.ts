import { VmnetError } from '../core/errors.ts';
import type { KernelObject } from '../core/model/object.ts';
import { nftQuestion, readTables } from '../core/observed/nft.ts';
import type { NftQuery } from '../core/observed/query.ts';
import type { Line } from '../core/plan/render.ts';
import { type Exit, start, toolError, type Waiting } from './exec.ts';
import { openSession } from './session.ts';

/** `nft` waiting for one transaction. */
export function startNft(): Waiting {
  return start('nft', ['-f', '-']);
}

/** One transaction: all of it or nothing. */
export async function nftTransaction(lines: readonly Line[], nft = startNft()): Promise<void> {
  const exit = await nft.finish(`${lines.map(line => line.text).join('\n')}\n`);
  if (exit.code === 0) return;
  const line = lines[failedLine(exit.stderr) - 1];
  throw profileError(line?.text ?? '', exit) ?? toolError('nft', exit, line?.text ?? 'nft -f');
}

/** What stands in a file of firewall.d is its author's to mend: the comment of a rule says where. */
function profileError(line: string, { stderr }: Exit): VmnetError | undefined {
  const where = / comment "(firewall\.d\/[^ "]+) #/.exec(line)?.[1];
  if (where === undefined) return undefined;
  if (line.startsWith('add rule bridge ') && /Protocol error|not supported/.test(stderr)) {
    return new VmnetError('missing', 'this kernel follows no connections on bridges', {
      where,
      hint: 'modprobe nf_conntrack_bridge, or use a profile without ct for bridged NICs',
    });
  }
  const said = /Error: (.*)/.exec(stderr)?.[1] ?? 'nft refuses it';
  return new VmnetError('config', `nft refuses this rule: ${said}`, {
    where,
    hint: 'mend the file; vmnet config check reads it again',
  });
}

function failedLine(stderr: string): number {
  return Number(/^\S+?:(\d+):\d+/m.exec(stderr)?.[1] ?? 0);
}

export interface NftSession {
  read(queries: readonly NftQuery[], taps?: ReadonlySet<string>): Promise<readonly KernelObject[]>;
  close(): void;
}

/** Asks nobody: what it prints tells where one answer ends, since of what is not there nft prints nothing. */
const MARK = { line: 'describe meta iif', answer: 'meta expression' };

/**
 * One `nft -i` for all that a run reads. nft 1.0.6 cannot list two tables of different families in one go, and to list
 * the whole ruleset takes it as long as there are NICs. -n, since link groups may have names.
 */
export function openNft(): NftSession {
  const session = openSession({
    tool: 'nft',
    args: ['-n', '-j', '-i'],
    isAnswer: line => line.includes('{"nftables"') || line.includes(MARK.answer),
    ended: exit => toolError('nft', exit, 'list'),
  });
  return {
    async read(queries, taps) {
      const lines = queries.flatMap(query => [nftQuestion(query), MARK.line]);
      const isMark = (answer: string): boolean => !answer.includes('{"nftables"');
      const { answers, said } = await session.ask(lines, all => all.filter(isMark).length === queries.length);
      refuse(said);
      const found: KernelObject[] = [];
      let at = 0;
      for (const answer of answers) {
        const query = queries[at];
        if (isMark(answer)) at += 1;
        else if (query !== undefined) {
          found.push(...readTables(JSON.parse(answer.slice(answer.indexOf('{'))), query, taps));
        }
      }
      return found;
    },
    close: session.close,
  };
}

/** What is not there is an answer; what may not be read is none. */
function refuse(said: string): void {
  if (!/Operation not permitted|must be root/i.test(said)) return;
  throw toolError('nft', { code: 1, stdout: '', stderr: said }, 'list');
}
