import { formatError } from '../core/errors.ts';
import { parseIfname } from '../core/model/ifname.ts';
import { textOf } from '../core/model/object.ts';
import { driftText } from '../core/plan/drift-text.ts';
import { type ShownNic, show } from '../run/list.ts';
import { type GlobalArgv, onHost, printJson, printLine, reportErrors } from './context.ts';
import { nicJson } from './list.ts';
import { driftJson } from './print-plan.ts';

export function addShow(yargs: GlobalArgv): void {
  yargs.command(
    'show <tap>',
    'One NIC, with everything that the kernel has for it',
    yargs =>
      yargs
        .positional('tap', { type: 'string', demandOption: true, describe: 'The tap' })
        .option('json', { type: 'boolean', default: false, describe: 'Print JSON' })
        .example(
          '$0 show tap0',
          'its filter with what it dropped, its routes, rules, proxy neighbours and settings',
        ),
    argv =>
      onHost(argv, async context => {
        const shown = await show(context, parseIfname(argv.tap, 'TAP'));
        if (argv.json)
          printJson({
            ...nicJson(shown),
            objects: shown.objects.map(textOf),
            dropped: shown.dropped,
            drift: shown.drift.map(driftJson),
            ...(shown.error === undefined ? {} : { error: formatError(shown.error) }),
          });
        else printNic(shown);
        return reportErrors(context, shown.error === undefined ? [] : [shown.error], 'ok');
      }),
  );
}

function printNic(shown: ShownNic): void {
  for (const [name, value] of Object.entries(nicJson(shown))) {
    const text = Array.isArray(value) ? value.join(' ') : value;
    if (text !== undefined && text !== '') printLine(`${name}: ${text}`);
  }
  printPolicy(shown);
  for (const { what, packets } of shown.dropped) printLine(`  dropped ${packets}: ${what}`);
  for (const object of shown.objects) printLine(`  ${textOf(object)}`);
  for (const step of shown.drift) printLine(`drift: ${driftText(step)}`);
}

function printPolicy({ record: { policy } }: ShownNic): void {
  if (policy === undefined) return;
  const { filter, unknownFamily, linkLocal, firewall, macPrefix, isolated, allowed } = policy;
  const words = [
    filter,
    ...(filter === 'full' ? [`unknown family: ${unknownFamily}`, `link-local: ${linkLocal}`] : []),
    ...(allowed.length === 0 ? [] : [`also: ${allowed.map(({ text }) => text).join(' ')}`]),
    ...(macPrefix === undefined ? [] : [`among ${macPrefix.mac}/${macPrefix.mask}`]),
    ...(isolated ? ['isolated'] : []),
    ...(firewall === undefined ? [] : [`firewall: ${firewall}`]),
  ];
  printLine(`filter: ${words.join(', ')}`);
}
