import { formatError } from '../core/errors.ts';
import { driftText } from '../core/plan/drift-text.ts';
import { check, type Drift } from '../run/check.ts';
import { counted, type GlobalArgv, onTaps, printJson, printLine, reportErrors } from './context.ts';
import { driftJson } from './print-plan.ts';

export function addCheck(yargs: GlobalArgv): void {
  yargs.command(
    'check [tap..]',
    'Compare the kernel with what should be: exit code 0 if it is, 1 if not',
    yargs =>
      yargs
        .positional('tap', {
          type: 'string',
          array: true,
          describe: 'Only these taps; without any, the whole node',
        })
        .option('json', { type: 'boolean', default: false, describe: 'Print JSON' })
        .example('$0 check', 'everything on this node, and nothing too much')
        .example('$0 check tap0', 'one NIC and its network'),
    argv =>
      onTaps(argv, argv.tap ?? [], async (context, taps) => {
        const drift = await check(context, taps);
        if (argv.json) printDriftJson(drift);
        else printDrift(drift);
        const clean = drift.steps.length === 0 && drift.gone.length === 0;
        return reportErrors(context, drift.errors, clean ? 'ok' : 'drift');
      }),
  );
}

function printDrift(drift: Drift): void {
  for (const step of drift.steps) printLine(driftText(step));
  for (const tap of drift.gone) printLine(`unexpected record of ${tap}, which is gone`);
  if (drift.steps.length + drift.gone.length + drift.errors.length > 0) return;
  printLine(`${counted(drift.checked.length, 'NIC')} checked, no drift`);
}

function printDriftJson(drift: Drift): void {
  printJson({
    checked: drift.checked,
    gone: drift.gone,
    drift: drift.steps.map(driftJson),
    errors: drift.errors.map(formatError),
  });
}
