import { parseIfname } from '../core/model/ifname.ts';
import { detach } from '../run/detach.ts';
import { counted, type GlobalArgv, onHost, printJson, printLine } from './context.ts';
import { commandText, planJson } from './print-plan.ts';

export function addDetach(yargs: GlobalArgv): void {
  yargs.command(
    'detach <tap>',
    'Take away what attach made; success when there is nothing',
    yargs =>
      yargs
        .positional('tap', {
          type: 'string',
          demandOption: true,
          describe: 'The tap; it may be gone already',
        })
        .option('dry-run', {
          type: 'boolean',
          default: false,
          describe: 'Print what would be done, and do nothing',
        })
        .option('json', { type: 'boolean', default: false, describe: 'Print JSON' })
        .example('$0 detach tap0', 'after the VM has stopped'),
    argv =>
      onHost(argv, async context => {
        const outcome = await detach(context, parseIfname(argv.tap, 'TAP'), { dryRun: argv.dryRun });
        const changes = outcome.plan.steps.length;
        if (argv.json)
          printJson({ tap: outcome.tap, dryRun: argv.dryRun, changes, ...planJson(outcome.plan) });
        else if (argv.dryRun) printLine(commandText(outcome.plan));
        else
          printLine(
            changes === 0
              ? `${outcome.tap}: nothing to detach`
              : `${outcome.tap}: detached, ${counted(changes, 'change')}`,
          );
        return 'ok';
      }),
  );
}
