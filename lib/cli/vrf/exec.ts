import { VmnetError } from '../../core/errors.ts';
import { parseIfname } from '../../core/model/ifname.ts';
import { becomeInVrf } from '../../host/vrf-exec.ts';
import type { GlobalArgv } from '../context.ts';
import { onHere } from './run.ts';

/** `command`: the words after NAME, which the parser has not seen. */
export function addVrfExec(yargs: GlobalArgv, command: readonly string[]): GlobalArgv {
  return yargs.command(
    'exec <name> [command..]',
    'Run a command in the VRF, and not at all if it would not really be in it',
    yargs =>
      yargs
        .positional('name', { type: 'string', demandOption: true, describe: 'The VRF' })
        .positional('command', { type: 'string', array: true, describe: 'With its own options' })
        .example('$0 vrf exec mgmt ping -c 1 192.0.2.1', 'the options are those of ping'),
    argv =>
      onHere(async () => {
        if (command.length === 0) {
          throw new VmnetError('usage', 'no command is given', { hint: 'vmnet vrf exec NAME COMMAND...' });
        }
        return becomeInVrf(parseIfname(argv.name, 'NAME'), command);
      }),
  );
}
