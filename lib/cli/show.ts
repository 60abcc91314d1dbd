import { parseIfname } from '../core/model/ifname.ts';
import { textOf } from '../core/model/object.ts';
import { type ShownNic, show } from '../run/list.ts';
import { type GlobalArgv, onHost, printJson, printLine } from './context.ts';
import { nicJson } from './list.ts';
import { driftJson, driftText } from './print-plan.ts';

export function addShow(yargs: GlobalArgv): void {
  yargs.command(
    'show <tap>',
    'One NIC, with everything that the kernel has for it',
    yargs =>
      yargs
        .positional('tap', { type: 'string', demandOption: true, describe: 'The tap' })
        .option('json', { type: 'boolean', default: false, describe: 'Print JSON' })
        .example('$0 show tap0', 'its routes, rules, proxy neighbours, filter elements and settings'),
    argv =>
      onHost(argv, async context => {
        const shown = await show(context, parseIfname(argv.tap, 'TAP'));
        if (argv.json)
          printJson({
            ...nicJson(shown),
            objects: shown.objects.map(textOf),
            drift: shown.drift.map(driftJson),
          });
        else printNic(shown);
        return 'ok';
      }),
  );
}

function printNic(shown: ShownNic): void {
  for (const [name, value] of Object.entries(nicJson(shown))) {
    const text = Array.isArray(value) ? value.join(' ') : value;
    if (text !== undefined && text !== '') printLine(`${name}: ${text}`);
  }
  for (const object of shown.objects) printLine(`  ${textOf(object)}`);
  for (const step of shown.drift) printLine(`drift: ${driftText(step)}`);
}
