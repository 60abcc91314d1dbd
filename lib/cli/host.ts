import type { ImportedSection } from '../core/import/scene.ts';
import { driftText } from '../core/plan/drift-text.ts';
import { parseSshConnection } from '../core/source/ssh-connection.ts';
import { type HostOptions, type HostOutcome, hostCheck, hostDown, hostUp } from '../run/host.ts';
import { hostImport } from '../run/host-import.ts';
import type { Context } from '../run/ports.ts';
import { type GlobalArgv, onHost, printJson, printLine } from './context.ts';
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

export function addHost(yargs: GlobalArgv): void {
  yargs.command(
    'host',
    "The host's own links: bonds, VLANs, bridges, VRFs, as the configuration has them",
    host =>
      addImport(addDown(addUp(addPlan(addHostCheck(host as GlobalArgv))))).demandCommand(
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
        .example('$0 host up', 'at boot, and after a change of the configuration'),
    argv =>
      onHost(argv, async context =>
        print(
          context,
          await hostUp(context, { ...connection(), dryRun: argv.dryRun, recreate: argv.recreate }),
          argv,
        ),
      ),
  );
}

function addDown(yargs: GlobalArgv): GlobalArgv {
  return yargs.command(
    'down',
    'Remove what vmnet made; other links are as they were before',
    yargs => yargs.option('dry-run', dryRun).option('json', json),
    argv =>
      onHost(argv, async context =>
        print(context, await hostDown(context, { ...connection(), dryRun: argv.dryRun }), argv),
      ),
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

/** The connection that this was typed on. */
function connection(): Pick<HostOptions, 'connection'> {
  const found = parseSshConnection(process.env.SSH_CONNECTION);
  return found === undefined ? {} : { connection: found };
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
