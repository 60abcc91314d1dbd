import { VmnetError } from '../core/errors.ts';
import { parseIfname } from '../core/model/ifname.ts';
import { requestFromFlags } from '../core/source/flags.ts';
import { pick } from '../core/source/pick.ts';
import { requestFromRunningVm } from '../host/running-vm.ts';
import { attach, type Outcome } from '../run/attach.ts';
import { counted, type GlobalArgv, onHost, printJson, printLine } from './context.ts';
import { commandText, planJson } from './print-plan.ts';

export function addAttach(yargs: GlobalArgv): void {
  yargs.command('attach <tap>', "Connect a VM's tap to its network", options, argv =>
    onHost(argv, async context => {
      const { network, mode, link, mac, vlan, instance } = argv;
      const flags = {
        network: once(network, 'network'),
        mode: once(mode, 'mode'),
        link: once(link, 'link'),
        mac: once(mac, 'mac'),
      };
      const words = {
        vlan: once(vlan, 'vlan'),
        instance: once(instance, 'instance'),
        ip: many(argv.ip),
        tag: many(argv.tag),
      };
      const said = pick({ ...flags, ...words });
      const request =
        Object.keys(said).length === 0
          ? requestFromRunningVm(parseIfname(argv.tap, 'TAP'), context.config, argv.config)
          : requestFromFlags({ tap: argv.tap, ...said }, context.config);
      print(await attach(context, request, { dryRun: argv.dryRun }), argv);
      return 'ok';
    }),
  );
}

function options(yargs: GlobalArgv) {
  const text = { type: 'string', requiresArg: true } as const;
  return yargs
    .positional('tap', { type: 'string', demandOption: true, describe: 'The tap, as ip link prints it' })
    .option('network', { ...text, describe: 'A [network] section, by name' })
    .option('mode', { ...text, describe: 'routed, bridged or openvswitch' })
    .option('link', { ...text, describe: 'The bridge, or the routing table' })
    .option('mac', { ...text, describe: "The guest's MAC address" })
    .option('ip', { ...text, describe: 'An address of the guest; may be repeated' })
    .option('vlan', {
      ...text,
      describe: 'VLANs on a VLAN-aware bridge or on Open vSwitch: .V, :V:V or .V:V',
    })
    .option('instance', { ...text, describe: 'Whose NIC it is' })
    .option('tag', { ...text, describe: 'A tag of the instance; may be repeated' })
    .option('dry-run', {
      type: 'boolean',
      default: false,
      describe: 'Print what would be done, and do nothing',
    })
    .option('json', { type: 'boolean', default: false, describe: 'Print JSON' })
    .example('$0 attach tap0 --network public --mac aa:00:00:35:6d:01 --ip 192.0.2.10', 'a routed NIC')
    .example(
      '$0 attach tap1 --mode bridged --link br0 --mac aa:00:00:35:6d:02 --ip 192.0.2.11',
      'a bridged NIC',
    )
    .example('$0 attach tap2', 'a NIC of a running VM, or one with a file in nics.d');
}

function print(outcome: Outcome, argv: { dryRun: boolean; json: boolean }): void {
  const changes = outcome.plan.steps.length;
  for (const warning of outcome.warnings) process.stderr.write(`vmnet: ${warning}\n`);
  if (argv.json)
    printJson({
      tap: outcome.tap,
      dryRun: argv.dryRun,
      changes,
      collected: outcome.collected,
      warnings: outcome.warnings,
      ...planJson(outcome.plan),
    });
  else if (argv.dryRun) printLine(commandText(outcome.plan));
  else
    printLine(
      changes === 0
        ? `${outcome.tap}: attached already, nothing changed`
        : `${outcome.tap}: attached, ${counted(changes, 'change')}`,
    );
}

/** yargs makes an array of an option that is given twice. */
function once(value: string | readonly string[] | undefined, name: string): string | undefined {
  if (value === undefined || typeof value === 'string') return value;
  throw new VmnetError('usage', 'may be given once', { where: `--${name}`, hint: 'leave one out' });
}

function many(value: string | readonly string[] | undefined): readonly string[] | undefined {
  return typeof value === 'string' ? [value] : value;
}
