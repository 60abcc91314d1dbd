import { parseIfname } from '../core/model/ifname.ts';
import { repair } from '../run/repair.ts';
import { counted, type GlobalArgv, onHost, printJson, printLine, reportErrors } from './context.ts';
import { commandText, planJson } from './print-plan.ts';

export function addRepair(yargs: GlobalArgv): void {
  yargs.command(
    'repair [tap..]',
    'Attach recorded NICs again where the kernel has lost something',
    yargs =>
      yargs
        .positional('tap', {
          type: 'string',
          array: true,
          describe: 'Only these taps; without any, every recorded NIC',
        })
        .option('dry-run', {
          type: 'boolean',
          default: false,
          describe: 'Print what would be done, and do nothing',
        })
        .option('json', { type: 'boolean', default: false, describe: 'Print JSON' })
        .example('$0 repair', 'after somebody has flushed nftables'),
    argv =>
      onHost(argv, async context => {
        const taps = (argv.tap ?? []).map(tap => parseIfname(tap, 'TAP'));
        const repaired = await repair(context, taps, { dryRun: argv.dryRun });
        const changes = repaired.plan.steps.length;
        if (argv.json)
          printJson({ taps: repaired.taps, dryRun: argv.dryRun, changes, ...planJson(repaired.plan) });
        else if (argv.dryRun) printLine(commandText(repaired.plan));
        else printLine(`${counted(repaired.taps.length, 'NIC')} in order, ${counted(changes, 'change')}`);
        return reportErrors(context, repaired.errors, 'ok');
      }),
  );
}
