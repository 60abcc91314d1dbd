import { setTimeout as sleep } from 'node:timers/promises';
import { asVmnetError, EXIT, type ExitName, formatError, VmnetError } from '../core/errors.ts';
import type { Globals } from '../host/context.ts';
import { confirm, undo, undoAtBoot } from '../host/dead-man.ts';
import { createLog } from '../host/log.ts';
import type { Reporter } from '../run/ports.ts';
import { type GlobalArgv, printLine } from './context.ts';

interface Words {
  readonly force: boolean;
  readonly undo: boolean;
  readonly atBoot: boolean;
  readonly expire?: string | undefined;
  readonly after: number;
}

export function addConfirm(yargs: GlobalArgv): void {
  yargs.command(
    'confirm',
    'Keep a change that was made with --confirm; from a new connection',
    yargs =>
      yargs
        .option('force', {
          type: 'boolean',
          default: false,
          describe: 'Whoever asks, and also what was taken back already: forget it',
        })
        .option('undo', { type: 'boolean', default: false, describe: 'Take the change back now' })
        .option('at-boot', {
          type: 'boolean',
          default: false,
          describe:
            'Take back what nobody has confirmed before the boot; exit code 75 if there was something',
        })
        .option('expire', { type: 'string', requiresArg: true, hidden: true })
        .option('after', { type: 'number', default: 0, hidden: true })
        .example('$0 confirm', 'after vmnet host up --confirm 120, over a new connection'),
    argv => run(argv, argv),
  );
}

/** Without the configuration: what is to be undone may be its fault. */
async function run(globals: Globals, words: Words): Promise<void> {
  const log = createLog({ level: globals.logLevel, stderr: true });
  const report: Reporter = (level, text) => log.write({ level, text });
  try {
    process.exitCode = EXIT[await answer(report, globals, words)];
  } catch (thrown) {
    const error = asVmnetError(thrown);
    report('error', formatError(error));
    process.exitCode = EXIT[error.exit];
  }
}

async function answer(report: Reporter, globals: Globals, words: Words): Promise<ExitName> {
  if ([words.force, words.undo, words.atBoot].filter(Boolean).length > 1)
    throw new VmnetError('usage', '--force, --undo and --at-boot exclude each other', {
      hint: 'give one of them',
    });
  if (words.expire !== undefined) {
    await sleep(words.after * 1000);
    if (await undo(report, globals, words.expire))
      report('warn', 'nobody has confirmed the change: it is undone');
    return 'ok';
  }
  if (words.atBoot) {
    if (!(await undoAtBoot(report, globals))) return 'ok';
    report(
      'error',
      'the configuration was not confirmed before this boot, and what was before it is back; vmnet confirm --force accepts it',
    );
    return 'busy';
  }
  if (words.undo) printLine((await undo(report, globals)) ? 'undone' : 'there is nothing to undo');
  else {
    await confirm(globals, words.force);
    printLine('confirmed');
  }
  return 'ok';
}
