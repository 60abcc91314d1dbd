import { closeSync, ftruncateSync, mkdirSync, openSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { VmnetError } from '../core/errors.ts';
import type { KernelObject } from '../core/model/object.ts';
import { complaintOf, nftQuestion, readTables } from '../core/observed/nft.ts';
import type { NftQuery } from '../core/observed/query.ts';
import type { Line } from '../core/plan/render.ts';
import { start, toolError } from './exec.ts';
import { openSession } from './session.ts';

/** Has nft look at a transaction, and does nothing. */
export async function checkTransaction(lines: readonly Line[]): Promise<void> {
  const { code, stderr } = await start('nft', ['-c', '-f', '-']).finish(textOf(lines));
  if (code !== 0) throw refusal(lines, stderr);
}

function textOf(lines: readonly Line[]): string {
  return `${lines.map(line => line.text).join('\n')}\n`;
}

/** nft names the line that it refuses, and first of all the file that it was told to read. */
function refusal(lines: readonly Line[], said: string): VmnetError {
  const line = lines[Number(/^\S+?:(\d+):\d+/m.exec(said)?.[1] ?? 0) - 1];
  const stderr = said.replace(/^In file included from .*\n/gm, '');
  return (
    profileError(line?.text ?? '', stderr) ??
    toolError('nft', { code: 1, stdout: '', stderr }, line?.text ?? 'nft -f')
  );
}

/** What stands in a file of firewall.d is its author's to mend: the comment of a rule says where. */
function profileError(line: string, stderr: string): VmnetError | undefined {
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

export interface NftSession {
  read(queries: readonly NftQuery[], taps?: ReadonlySet<string>): Promise<readonly KernelObject[]>;
  /** One transaction: all of it or nothing. */
  change(lines: readonly Line[]): Promise<void>;
  close(): void;
}

/** Asks nobody: what it prints tells where one answer ends, since of what is not there nft prints nothing. */
const MARK = { line: 'describe meta iif', answer: 'meta expression' };

/**
 * One `nft -i` for all that a run reads and changes; what it knows of the kernel need not be read again for a change. nft 1.0.6 cannot list two tables of different families in one go, and to list
 * the whole ruleset takes it as long as there are NICs. -n, since link groups may have names.
 */
export function openNft(stateDir: string): NftSession {
  const file = scratch(stateDir);
  const session = openSession({
    tool: 'nft',
    args: ['-n', '-j', '-i'],
    file,
    isAnswer: line => line.includes('{"nftables"') || line.includes(MARK.answer),
    ended: exit => toolError('nft', exit, 'list'),
  });
  return {
    async read(queries, taps) {
      const lines = queries.flatMap(query => [nftQuestion(query), MARK.line]);
      const isMark = (answer: string): boolean => !answer.includes('{"nftables"');
      const answers = await session.ask(lines, all => all.filter(isMark).length === queries.length);
      refuse(await session.said());
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
    async change(lines) {
      ftruncateSync(file);
      writeSync(file, textOf(lines), 0);
      await session.ask([TRANSACTION, MARK.line], answers => answers.length === 1);
      const said = await session.said();
      if (said.includes('Error')) throw refusal(lines, said);
    },
    close: () => {
      session.close();
      closeSync(file);
    },
  };
}

/** `nft -i` takes each line of its input for a transaction, and a file for one. It opens its descriptor 3 anew each time. */
const TRANSACTION = 'include "/proc/self/fd/3"';

/** A file that has no name any more: whatever happens to this run, it does not stay. */
function scratch(stateDir: string): number {
  mkdirSync(stateDir, { recursive: true, mode: 0o700 });
  const path = join(stateDir, `nft.${process.pid}`);
  const file = openSync(path, 'w', 0o600);
  unlinkSync(path);
  return file;
}

function refuse(said: string): void {
  const stderr = complaintOf(said);
  if (stderr !== undefined) throw toolError('nft', { code: 1, stdout: '', stderr }, 'list');
}
