import { addConfirm } from '../confirm.ts';
import type { GlobalArgv } from '../context.ts';
import { addVrfDns } from './dns.ts';
import { addVrfEnter } from './enter.ts';
import { addVrfExec } from './exec.ts';
import { addVrfLease } from './lease.ts';
import { addVrfServices } from './services.ts';
import { addVrfIdentify, addVrfList, addVrfPids } from './show.ts';
import { addVrfDown, addVrfUp } from './up.ts';
import { addVrfVerify } from './verify.ts';

const ADDERS = [
  addVrfUp,
  addVrfDown,
  addVrfConfirm,
  addVrfIdentify,
  addVrfList,
  addVrfPids,
  addVrfVerify,
  addVrfDns,
  addVrfServices,
  addVrfEnter,
  addVrfLease,
];

/** The same as without `vrf`: who has changed a VRF looks for it here. */
function addVrfConfirm(yargs: GlobalArgv): GlobalArgv {
  addConfirm(yargs);
  return yargs;
}

/** `command`: that of `vrf exec`. */
export function addVrf(command: readonly string[]): (yargs: GlobalArgv) => void {
  return yargs =>
    yargs.command('vrf', 'VRFs: what runs in them, and whether they are in order', vrf =>
      ADDERS.reduce((each, add) => add(each), addVrfExec(vrf as GlobalArgv, command)).demandCommand(
        1,
        'vrf needs a command of its own; vmnet vrf --help lists them',
      ),
    );
}
