import { parseIfname } from '../../core/model/ifname.ts';
import { requireRoot } from '../../host/context.ts';
import { verifyVrf } from '../../host/vrf-verify.ts';
import { type GlobalArgv, printJson, printLine } from '../context.ts';
import { onHere } from './run.ts';

export function addVrfVerify(yargs: GlobalArgv): GlobalArgv {
  return yargs.command(
    'verify <name>',
    'Look at everything that a VRF needs to work: exit code 1 when something is wrong',
    yargs =>
      yargs
        .positional('name', { type: 'string', demandOption: true, describe: 'The VRF' })
        .option('json', { type: 'boolean', default: false, describe: 'Print JSON' })
        .option('repair', {
          type: 'boolean',
          default: false,
          describe: 'Bind cgroups again that bind to a VRF of before',
        })
        .example('$0 vrf verify mgmt', 'routing, cgroups, gateways and DNS, in both families'),
    argv =>
      onHere(async () => {
        requireRoot();
        const findings = await verifyVrf(parseIfname(argv.name, 'NAME'), argv.repair);
        if (argv.json) printJson(findings);
        for (const { ok, check, text, hint } of argv.json ? [] : findings) {
          printLine(`${ok ? 'ok   ' : 'wrong'} ${check}: ${text}${hint === undefined ? '' : `; ${hint}`}`);
        }
        return findings.every(({ ok }) => ok) ? 'ok' : 'drift';
      }),
  );
}
