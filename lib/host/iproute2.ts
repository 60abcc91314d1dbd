import { VmnetError } from '../core/errors.ts';
import type { Family } from '../core/model/address.ts';
import type { IpAnswer, IpQuestion, IpRow } from '../core/observed/ip.ts';
import type { Line } from '../core/plan/render.ts';
import { type Exit, run, toolError } from './exec.ts';

/**
 * One `ip -batch`: first the changes, then the questions, so that what was changed is read back by the same process.
 * With a change the batch stops at the first line that fails; questions alone all get their answer, and one about a
 * link that is not there has none.
 */
export async function ipBatch(
  family: Family,
  changes: readonly Line[],
  questions: readonly IpQuestion[],
): Promise<IpAnswer> {
  const input = [...changes.map(line => line.text), ...questions.map(question => question.line), ''].join(
    '\n',
  );
  const reading = changes.length === 0;
  const args = [
    ...(family === 6 ? ['-6'] : []),
    '-N',
    '-d',
    '-j',
    ...(reading ? ['-force'] : []),
    '-batch',
    '-',
  ];
  const exit = await run('ip', args, input);
  const failed = failedLines(exit);
  if (exit.code !== 0 && (!reading || !onlyAbsent(exit))) throw batchError(exit, changes, questions, failed);
  return answersOf(
    exit.stdout,
    questions.filter((_, i) => !failed.has(changes.length + i + 1)),
  );
}

function answersOf(stdout: string, questions: readonly IpQuestion[]): IpAnswer {
  const arrays = stdout.split('\n').filter(line => line.startsWith('['));
  if (arrays.length !== questions.length) {
    throw new VmnetError('kernel', `ip gave ${arrays.length} answers to ${questions.length} questions`, {
      hint: 'this iproute2 prints something else than 5.10 to 6.18 do; please report its version',
    });
  }
  const answers = questions.map((question, i) => question.read(JSON.parse(arrays[i] ?? '[]') as IpRow[]));
  return {
    objects: answers.flatMap(answer => answer.objects),
    links: answers.flatMap(answer => answer.links),
  };
}

/** Numbers of the input lines that failed, from 1; a line that `ip` cannot even parse ends the batch without a number. */
function failedLines(exit: Exit): ReadonlySet<number> {
  return new Set([...exit.stderr.matchAll(/^Command failed -:(\d+)/gm)].map(match => Number(match[1])));
}

function onlyAbsent(exit: Exit): boolean {
  const said = exit.stderr.split('\n').filter(line => line !== '' && !line.startsWith('Command failed'));
  return said.every(line =>
    /does not exist|Cannot find device|No such device|FIB table does not exist|Dump terminated/.test(line),
  );
}

function batchError(
  exit: Exit,
  changes: readonly Line[],
  questions: readonly IpQuestion[],
  failed: ReadonlySet<number>,
): VmnetError {
  const lines = [...changes.map(line => line.text), ...questions.map(question => question.line)];
  const [first] = failed;
  return toolError('ip', exit, first === undefined ? 'ip -batch' : `ip ${lines[first - 1] ?? ''}`);
}
