import type { VrfSection } from '../../core/model/config.ts';
import type { Ifname } from '../../core/model/ifname.ts';
import { parseIfname } from '../../core/model/ifname.ts';
import type { Globals } from '../../host/context.ts';
import { remarkManagers } from '../../host/network-managers.ts';
import { requireVrfModule } from '../../host/vrf-module.ts';
import type { Guard, HostOptions, HostOutcome } from '../../run/host.ts';
import type { Context } from '../../run/ports.ts';
import { type GlobalArgv, onHost, printJson, printLine } from '../context.ts';
import { careOf } from '../host.ts';
import { downBesideNetworkd, upBesideNetworkd } from '../networkd.ts';
import { commandText, planJson } from '../print-plan.ts';

interface Words extends Globals {
  readonly name: string;
  /** `false` is `--no-confirm`. */
  readonly confirm: string | false;
  readonly dryRun: boolean;
  readonly json: boolean;
}

export function addVrfUp(yargs: GlobalArgv): GlobalArgv {
  return yargs.command(
    'up <name>',
    'Make the VRF of the configuration and move its ports into it; sessions that are open go on',
    yargs =>
      change(yargs).example('$0 vrf up mgmt', 'over SSH; then vmnet vrf confirm over a new connection'),
    argv =>
      run(argv as unknown as Words, async (context, care) => {
        const section = context.config.vrfs.find(({ name }) => name === care.vrf);
        if (section !== undefined && !care.dryRun) await requireVrfModule(section.where);
        const guard: Guard = (snapshot, work) => {
          if (section === undefined || snapshot === undefined) return care.guard(snapshot, work);
          return care.guard(snapshot, async () => {
            await remarkManagers(context.report, section.name, section.ports);
            await work();
            if (!hasLogins(section)) context.report('warn', lockedOut(section));
          });
        };
        return upBesideNetworkd(context, { ...care, guard, live: true, recreate: false });
      }),
  );
}

export function addVrfDown(yargs: GlobalArgv): GlobalArgv {
  return yargs.command(
    'down <name>',
    'Take the VRF away: ports, addresses, routes and rules are as before',
    yargs => change(yargs),
    argv => run(argv as unknown as Words, (context, care) => downBesideNetworkd(context, care)),
  );
}

function change(yargs: GlobalArgv) {
  return yargs
    .positional('name', { type: 'string', demandOption: true, describe: 'The VRF' })
    .option('confirm', {
      type: 'string',
      default: '120',
      requiresArg: true,
      describe:
        'Take it back after so many seconds, unless vmnet vrf confirm is run over a new connection; --no-confirm at a console and in automation',
    })
    .option('dry-run', {
      type: 'boolean',
      default: false,
      describe: 'Print what would be done, and do nothing',
    })
    .option('json', { type: 'boolean', default: false, describe: 'Print JSON' });
}

/** Whether somebody answers in the VRF when sessions need not go on any more, as after a boot. */
function hasLogins({ services, accept }: VrfSection): boolean {
  return accept?.includes('tcp') === true || services.some(name => /^sshd?(\.|$)/.test(name));
}

function lockedOut({ name, where }: VrfSection): string {
  return `${where}: from the next boot on, no service outside of ${name} answers in it, sshd neither: services = sshd and vmnet vrf services ${name} --apply, or accept = tcp`;
}

type Care = Omit<HostOptions, 'recreate' | 'live'> & { readonly vrf: Ifname; readonly guard: Guard };

function run(argv: Words, work: (context: Context, care: Care) => Promise<HostOutcome>): Promise<void> {
  return onHost(argv, async context => {
    const vrf = parseIfname(argv.name, 'NAME');
    const { connection: _, ...care } = careOf(context, { ...argv, confirm: argv.confirm || undefined });
    return print(context, await work(context, { ...care, vrf }), argv);
  });
}

function print(
  context: Context,
  { plan, warnings, tookMs = 0 }: HostOutcome,
  { dryRun, json, name }: Words,
): 'ok' {
  for (const warning of warnings) context.report('warn', warning);
  const changes = plan.steps.length;
  const gapMs = Math.ceil(tookMs);
  if (json) printJson({ dryRun, changes, gapMs, ...planJson(plan) });
  else if (dryRun) printLine(commandText(plan));
  else
    printLine(
      changes === 0 ? 'nothing to do' : `${name}: ${changes} changes, its ports were away for ${gapMs} ms`,
    );
  return 'ok';
}
