import { gc } from '../run/gc.ts';
import { counted, type GlobalArgv, onHost, printJson, printLine } from './context.ts';
import { commandText, planJson } from './print-plan.ts';

export function addGc(yargs: GlobalArgv): void {
  yargs.command(
    'gc',
    'Remove what no living NIC needs',
    yargs =>
      yargs
        .option('dry-run', {
          type: 'boolean',
          default: false,
          describe: 'Print what would be done, and do nothing',
        })
        .option('json', { type: 'boolean', default: false, describe: 'Print JSON' })
        .example('$0 gc --dry-run', 'what crashed VMs have left behind'),
    argv =>
      onHost(argv, async context => {
        const collected = await gc(context, { dryRun: argv.dryRun });
        const changes = collected.plan.steps.length;
        if (argv.json)
          printJson({ taps: collected.taps, dryRun: argv.dryRun, changes, ...planJson(collected.plan) });
        else if (argv.dryRun)
          printLine(
            [commandText(collected.plan), ...collected.taps.map(tap => `# record of ${tap}`)].join('\n'),
          );
        else
          printLine(`${counted(changes, 'object')} and ${counted(collected.taps.length, 'record')} removed`);
        return collected.errors[0]?.exit ?? 'ok';
      }),
  );
}
