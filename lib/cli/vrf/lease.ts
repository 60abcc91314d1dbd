import { CLIENTS, leaseOf } from '../../core/vrf/lease.ts';
import { requireRoot } from '../../host/context.ts';
import { applyLease } from '../../host/vrf-lease.ts';
import type { GlobalArgv } from '../context.ts';
import { onHere } from './run.ts';

export function addVrfLease(yargs: GlobalArgv): GlobalArgv {
  return yargs.command(
    'lease <client> [event]',
    "For hooks of DHCP clients: put a lease into the VRF of its port, by the client's environment",
    yargs =>
      yargs
        .positional('client', { choices: CLIENTS, demandOption: true, describe: 'Whose hook it is' })
        .positional('event', { type: 'string', describe: "The argument of udhcpc's script" })
        .option('script', {
          type: 'boolean',
          default: false,
          describe: "Set the address too, as the whole of udhcpc's script",
        }),
    argv =>
      onHere(async () => {
        requireRoot();
        const lease = leaseOf(argv.client, process.env, argv.event);
        if (lease !== undefined) await applyLease(lease, argv);
        return 'ok';
      }),
  );
}
