import { VmnetError } from '../../core/errors.ts';
import { FAMILIES } from '../../core/model/address.ts';
import { parseIfname } from '../../core/model/ifname.ts';
import { defaultWords, perFamily, type Vrf, vrfsOf } from '../../core/vrf/world.ts';
import { cgroupsOf, processesIn, readVrf, readVrfWorld, vrfOfProcess } from '../../host/vrf-world.ts';
import { type GlobalArgv, printJson, printLine, printTable } from '../context.ts';
import { onHere } from './run.ts';

export function addVrfList(yargs: GlobalArgv): GlobalArgv {
  return yargs.command(
    'list',
    'The VRFs of this host, with their tables, ports and default routes',
    yargs => yargs.option('json', { type: 'boolean', default: false, describe: 'Print JSON' }),
    argv =>
      onHere(async () => {
        const vrfs = vrfsOf(await readVrfWorld());
        if (argv.json) printJson(vrfs.map(vrfJson));
        else printTable([HEAD, ...vrfs.map(row)]);
        return 'ok';
      }),
  );
}

const HEAD = ['VRF', 'TABLE', 'STATE', 'PORTS', 'DEFAULT4', 'DEFAULT6'];

function row(vrf: Vrf): readonly string[] {
  return [
    vrf.name,
    String(vrf.table),
    vrf.up ? 'up' : 'down',
    vrf.ports.map(({ name }) => name).join(',') || '-',
    ...FAMILIES.map(family => defaultWords(vrf.defaults[family]).join(', ') || '-'),
  ];
}

function vrfJson({ name, table, ifindex, up, ports, defaults }: Vrf): object {
  return {
    name,
    table,
    ifindex,
    up,
    ports: ports.map(port => port.name),
    defaults: perFamily(family => defaultWords(defaults[family])),
  };
}

export function addVrfIdentify(yargs: GlobalArgv): GlobalArgv {
  return yargs.command(
    'identify [pid]',
    'The VRF that a process was put into; nothing when it is in none',
    yargs => yargs.positional('pid', { type: 'string', describe: 'Without one, the process that asks' }),
    argv =>
      onHere(async () => {
        const name = vrfOfProcess(argv.pid === undefined ? 'self' : parsePid(argv.pid));
        if (name !== undefined) printLine(name);
        return 'ok';
      }),
  );
}

export function parsePid(text: string): number {
  if (/^[1-9]\d{0,9}$/.test(text)) return Number(text);
  throw new VmnetError('usage', `${JSON.stringify(text)} is no process id`, { hint: 'give a number' });
}

export function addVrfPids(yargs: GlobalArgv): GlobalArgv {
  return yargs.command(
    'pids <name>',
    'The processes that were put into a VRF',
    yargs => yargs.positional('name', { type: 'string', demandOption: true, describe: 'The VRF' }),
    argv =>
      onHere(async () => {
        const { vrf } = await readVrf(parseIfname(argv.name, 'NAME'));
        for (const { pid, command } of processesIn(await cgroupsOf(vrf.name))) printLine(`${pid} ${command}`);
        return 'ok';
      }),
  );
}
