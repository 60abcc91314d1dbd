import { existsSync } from 'node:fs';
import { VmnetError } from '../../core/errors.ts';
import { type Ifname, parseIfname } from '../../core/model/ifname.ts';
import { type FileStep, fileSteps, servicesPlan } from '../../core/vrf/services.ts';
import { readSockets, socketsOf } from '../../core/vrf/sockets.ts';
import { requireRoot } from '../../host/context.ts';
import { loadConfig, loadRtTables } from '../../host/files.ts';
import { applyFileSteps, readInitFacts, readPresent, serviceProcesses } from '../../host/vrf-services.ts';
import { outputOf, vrfOfProcess } from '../../host/vrf-world.ts';
import { type GlobalArgv, printLine } from '../context.ts';
import { onHere } from './run.ts';

const ROOT = '/';

export function addVrfServices(yargs: GlobalArgv): GlobalArgv {
  const flag = (describe: string) => ({ type: 'boolean', default: false, describe }) as const;
  return yargs.command(
    'services <name>',
    'Which services of the VRF run where; and the files that put them there',
    yargs =>
      yargs
        .positional('name', { type: 'string', demandOption: true, describe: 'The VRF' })
        .option('apply', flag('Write the files for services = of [vrf NAME]'))
        .option('remove', flag('Remove them'))
        .option('dry-run', flag('Print what would be written or removed, and do nothing')),
    argv =>
      onHere(async () => {
        if (argv.apply && argv.remove) {
          throw new VmnetError('usage', '--apply and --remove exclude each other', { hint: 'give one' });
        }
        const name = parseIfname(argv.name, 'NAME');
        const section = loadConfig(argv.config, loadRtTables()).vrfs.find(one => one.name === name);
        if (section === undefined && !argv.remove) {
          throw new VmnetError('config', `there is no [vrf ${name}]`, { where: argv.config, hint: 'add it' });
        }
        const services = section?.services ?? [];
        const facts = await readInitFacts(ROOT);
        const plan = servicesPlan(name, argv.remove ? [] : services, facts);
        const steps = fileSteps(name, plan.files, readPresent(ROOT, plan.files));
        const changing = argv.apply || argv.remove;
        if (!changing && !argv.dryRun) await printServices(name, services);
        if (changing && !argv.dryRun) {
          requireRoot();
          applyFileSteps(ROOT, steps);
        }
        for (const step of steps) printStep(step, { done: changing && !argv.dryRun, whole: argv.dryRun });
        for (const note of plan.notes) printLine(note);
        if (!changing || argv.dryRun) return 'ok';
        await reload(steps, services);
        return steps.some(({ action }) => action === 'foreign') ? 'config' : 'ok';
      }),
  );
}

const WORDS = {
  write: ['to be written', 'written'],
  keep: ['in order', 'in order'],
  remove: ['to be removed', 'removed'],
  foreign: ["somebody else's", "somebody else's, and not touched"],
} as const;

function printStep(
  { action, path, text }: FileStep,
  { done, whole }: { readonly done: boolean; readonly whole: boolean },
): void {
  printLine(`${path}: ${WORDS[action][done ? 1 : 0]}`);
  if (text === undefined || (action === 'write' && !whole)) return;
  if (action === 'foreign') printLine('  add to it, or move it away:');
  for (const line of text.trimEnd().split('\n')) printLine(`  ${line}`);
}

/** Where its sockets listen is what counts: sshd itself stays outside, and listens in both. */
async function printServices(name: Ifname, services: readonly string[]): Promise<void> {
  if (services.length === 0) printLine(`[vrf ${name}] names no services`);
  const sockets = readSockets(await outputOf('ss', ['-Hltunp']));
  for (const service of services) {
    const pids = await serviceProcesses(service, sockets);
    if (pids.length === 0) {
      printLine(`${service}: does not run`);
      continue;
    }
    const inside = pids.filter(pid => vrfOfProcess(pid) === name).length;
    const listens = socketsOf(sockets, pids).map(({ local }) => local);
    const where = listens.length === 0 ? 'listens nowhere' : `listens on ${[...new Set(listens)].join(' ')}`;
    printLine(`${service}: ${inside} of ${pids.length} processes put into ${name}, ${where}`);
  }
}

async function reload(steps: readonly FileStep[], services: readonly string[]): Promise<void> {
  const changed = steps.filter(({ action }) => action === 'write' || action === 'remove');
  if (changed.length === 0) return;
  if (existsSync('/run/systemd/system') && changed.some(({ path }) => path.includes('/systemd/'))) {
    await outputOf('systemctl', ['daemon-reload']);
    printLine('systemd has read its units again');
  }
  printLine(
    `now restart ${services.length === 0 ? 'the services' : services.join(' ')}: nothing that runs was moved`,
  );
}
