import { parseIfname } from '../../core/model/ifname.ts';
import { requireRoot } from '../../host/context.ts';
import { bindUnit, enterVrf, vrfOfLogin } from '../../host/vrf-enter.ts';
import type { GlobalArgv } from '../context.ts';
import { onHere } from './run.ts';

export function addVrfEnter(yargs: GlobalArgv): GlobalArgv {
  return yargs.command(
    'enter [name]',
    'For pam_exec: put the login into a VRF, that by which it came in if none is named',
    yargs =>
      yargs.positional('name', { type: 'string', describe: 'The VRF' }).option('unit', {
        type: 'boolean',
        default: false,
        describe: 'For ExecStartPre=+ of a service: bind the service instead',
      }),
    argv =>
      onHere(async () => {
        requireRoot();
        const named = argv.name === undefined ? undefined : parseIfname(argv.name, 'NAME');
        if (argv.unit) {
          await bindUnit(named ?? parseIfname('', 'NAME'));
          return 'ok';
        }
        // pam_exec says which: a session that ends has nothing to enter.
        if ((process.env.PAM_TYPE ?? 'open_session') !== 'open_session') return 'ok';
        const name = named ?? (await vrfOfLogin(process.ppid));
        if (name !== undefined) await enterVrf(name, process.ppid);
        return 'ok';
      }),
  );
}
