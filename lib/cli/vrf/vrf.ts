import type { GlobalArgv } from '../context.ts';
import { addVrfExec } from './exec.ts';
import { addVrfIdentify, addVrfList, addVrfPids } from './show.ts';

export function addVrf(yargs: GlobalArgv): void {
  yargs.command('vrf', 'VRFs: what runs in them, and whether they are in order', vrf =>
    [addVrfExec, addVrfIdentify, addVrfList, addVrfPids]
      .reduce((each, add) => add(each), vrf as GlobalArgv)
      .demandCommand(1, 'vrf needs one of exec, identify, list, pids'),
  );
}
