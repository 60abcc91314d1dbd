import { quoted, VmnetError } from '../core/errors.ts';
import type { ImportedSection } from '../core/import/scene.ts';
import { driftText } from '../core/plan/drift-text.ts';
import { parseHostSnapshot } from '../core/source/host-snapshot.ts';
import { parseSshConnection } from '../core/source/ssh-connection.ts';
import type { Globals } from '../host/context.ts';
import { armed, unarmed } from '../host/dead-man.ts';
import { toldNetworkd } from '../host/networkd.ts';
import { readSnapshot } from '../host/unconfirmed.ts';
import { type Guard, type HostOptions, type HostOutcome, hostCheck, hostUp } from '../run/host.ts';
import { hostImport } from '../run/host-import.ts';
import type { Context } from '../run/ports.ts';
import { type GlobalArgv, onBareHost, onHost, printJson, printLine } from './context.ts';
import { downBesideNetworkd, restoreBesideNetworkd, upBesideNetworkd } from './networkd.ts';
import { commandText, driftJson, planJson } from './print-plan.ts';

const json = { type: 'boolean', default: false, describe: 'Print JSON' } as const;
const dryRun = {
  type: 'boolean',
  default: false,
  describe: 'Print what would be done, and do nothing',
} as const;
const recreate = {
  type: 'boolean',
  default: false,
  describe: 'Make links anew where the kernel does not change them in place',
} as const;
const confirm = {
  type: 'string',
  requiresArg: true,
  describe: 'Take it back after so many seconds, unless vmnet confirm is run over a new connection',
} as const;

export function addHost(yargs: GlobalArgv): void {
  yargs.command(
    'host',
    "The host's own links: bonds, VLANs, bridges, VRFs, as the configuration has them",
    host =>
      addImport(addRestore(addDown(addUp(addPlan(addHostCheck(host as GlobalArgv)))))).demandCommand(
        1,
        'host needs one of plan, up, down, check, import',
      ),
  );
}

function addPlan(yargs: GlobalArgv): GlobalArgv {
  return yargs.command(
    'plan',
    'Print what up would do, and do nothing',
    yargs => yargs.option('recreate', recreate).option('json', json),
    argv =>
      onHost(argv, async context => {
        const outcome = await hostUp(context, { dryRun: true, recreate: argv.recreate });
        return print(context, outcome, { dryRun: true, json: argv.json });
      }),
  );
}

function addUp(yargs: GlobalArgv): GlobalArgv {
  return yargs.command(
    'up',
    'Make them; what stands and fits is not touched',
    yargs =>
      yargs
        .option('recreate', recreate)
        .option('dry-run', dryRun)
        .option('json', json)
        .option('confirm', confirm)
        .example('$0 host up', 'at boot, and after a change of the configuration')
        .example('$0 host up --confirm 120', 'over SSH; then vmnet confirm over a new connection'),
    argv =>
      onHost(argv, async context =>
        print(
          context,
          await upBesideNetworkd(context, { ...careOf(context, argv), recreate: argv.recreate }),
          argv,
        ),
      ),
  );
}

function addDown(yargs: GlobalArgv): GlobalArgv {
  return yargs.command(
    'down',
    'Remove what vmnet made; other links are as they were before',
    yargs => yargs.option('dry-run', dryRun).option('json', json).option('confirm', confirm),
    argv =>
      onHost(argv, async context =>
        print(context, await downBesideNetworkd(context, careOf(context, argv)), argv),
      ),
  );
}

/** What a change that was not confirmed is taken back with. The configuration may be what was wrong with it. */
function addRestore(yargs: GlobalArgv): GlobalArgv {
  return yargs.command(
    'restore <file>',
    false,
    yargs => yargs.positional('file', { type: 'string', demandOption: true }),
    argv =>
      onBareHost(argv, async context => {
        const snapshot = parseHostSnapshot(readSnapshot(argv.file), argv.file);
        printLine(`as it was, after ${await restoreBesideNetworkd(context, snapshot)} changes`);
        return 'ok';
      }),
  );
}

function addHostCheck(yargs: GlobalArgv): GlobalArgv {
  return yargs.command(
    'check',
    'Compare them with the configuration: exit code 0 if they are as it says, 1 if not',
    yargs => yargs.option('json', json),
    argv =>
      onHost(argv, async context => {
        const steps = await hostCheck(context);
        if (argv.json) printJson({ drift: steps.map(driftJson) });
        else for (const step of steps) printLine(driftText(step));
        if (!argv.json && steps.length === 0) printLine('no drift');
        return steps.length === 0 ? 'ok' : 'drift';
      }),
  );
}

function addImport(yargs: GlobalArgv): GlobalArgv {
  return yargs.command(
    'import',
    'Print a configuration that describes what the host runs now',
    yargs =>
      yargs
        .option('json', json)
        .example('$0 host import > /etc/vmnet/conf.d/host.ini', 'move over without a change'),
    argv =>
      onHost(argv, async context => {
        const { text, sections, left, changes } = await hostImport(context);
        if (argv.json) printJson({ sections: sections.map(sectionJson), left, changes });
        else process.stdout.write(text);
        return 'ok';
      }),
  );
}

function sectionJson({ kind, name, keys, notes }: ImportedSection): object {
  return { kind, name, keys: Object.fromEntries(keys), notes };
}

/** What keeps the author from cutting himself off: he is not let, or it is taken back unless he comes again. */
export function careOf(
  { report }: Context,
  argv: Globals & { readonly dryRun: boolean; readonly confirm: string | undefined },
): Pick<HostOptions, 'dryRun' | 'connection'> & { readonly guard: Guard } {
  const { dryRun } = argv;
  if (argv.confirm === undefined) {
    const connection = parseSshConnection(process.env.SSH_CONNECTION);
    const guard: Guard = async (snapshot, work) => {
      unarmed(argv, snapshot !== undefined);
      return work();
    };
    return { dryRun, guard, ...(connection === undefined ? {} : { connection }) };
  }
  const seconds = secondsOf(argv.confirm);
  return {
    dryRun,
    guard: async (snapshot, work) => {
      if (snapshot === undefined) return work();
      const text = `${JSON.stringify({ ...snapshot, networkd: toldNetworkd() })}\n`;
      const rollback = (file: string) => ['host', 'restore', file];
      return armed(report, argv, { seconds, snapshot: text, rollback }, work);
    },
  };
}

const DAY = 86_400;

function secondsOf(text: string): number {
  const seconds = Number(text);
  if (/^\d{1,5}$/.test(text) && seconds >= 1 && seconds <= DAY) return seconds;
  throw new VmnetError('usage', `--confirm ${quoted(text)} is no number of seconds from 1 to ${DAY}`, {
    hint: 'give the time that you need to come in again, as --confirm 120',
  });
}

function print(
  context: Context,
  { plan, warnings }: HostOutcome,
  { dryRun, json }: { readonly dryRun: boolean; readonly json: boolean },
): 'ok' {
  for (const warning of warnings) context.report('warn', warning);
  const changes = plan.steps.length;
  if (json) printJson({ dryRun, changes, ...planJson(plan) });
  else if (dryRun) printLine(commandText(plan));
  else printLine(changes === 0 ? 'nothing to do' : `in order, ${changes} changes`);
  return 'ok';
}
