import { VmnetError } from '../../core/errors.ts';
import { type Address, parsePrefix } from '../../core/model/address.ts';
import { parseIfname } from '../../core/model/ifname.ts';
import { type DnsPlan, explainDns } from '../../core/vrf/dns.ts';
import { verifyRouting } from '../../core/vrf/verify.ts';
import { requireRoot } from '../../host/context.ts';
import { loadConfig, loadRtTables } from '../../host/files.ts';
import { readDnsPlan, writeDnsConf } from '../../host/vrf-dns.ts';
import { relayDns } from '../../host/vrf-dns-relay.ts';
import { outputOf, readVrf } from '../../host/vrf-world.ts';
import { type GlobalArgv, printLine } from '../context.ts';
import { onHere } from './run.ts';

export function addVrfDns(yargs: GlobalArgv): GlobalArgv {
  return yargs.command(
    'dns <name>',
    'Say what a DNS query does now, in the VRF and outside',
    yargs =>
      yargs
        .positional('name', { type: 'string', demandOption: true, describe: 'The VRF' })
        .option('conf', {
          type: 'boolean',
          default: false,
          describe: 'Write the configuration of the forwarder vmnet-dns@NAME, and print its path',
        })
        .option('outside', {
          type: 'string',
          describe: 'Answer at this address for programs outside, until ended, with what the forwarder says',
        }),
    argv =>
      onHere(async () => {
        const name = parseIfname(argv.name, 'NAME');
        const section = loadConfig(argv.config, loadRtTables()).vrfs.find(one => one.name === name);
        const { world, vrf } = await readVrf(name);
        const plan = await readDnsPlan(vrf, section?.dns ?? [], argv.stateDir);
        if (argv.conf) {
          requireRoot();
          printLine(await writeDnsConf(vrf, plan, argv.stateDir));
          return 'ok';
        }
        if (argv.outside !== undefined) {
          requireRoot();
          return relayDns(name, listenAddress(argv.outside), stubOf(name, plan));
        }
        const rules = verifyRouting(world, vrf, []).filter(({ check }) => check === 'rules');
        const lines = explainDns(plan, {
          vrf: name,
          addresses: vrf.addresses.map(({ text }) => text),
          listeners: await outputOf('ss', ['-Hlun']),
          localLater: rules.every(({ ok }) => ok),
        });
        for (const line of lines) printLine(line);
        return 'ok';
      }),
  );
}

/** A loopback address as a rule, which no NIC may have, and parseAddress() refuses. */
function listenAddress(text: string): Address {
  const { family, address } = parsePrefix(`${text}/${text.includes(':') ? 128 : 32}`, '--outside');
  return { family, text: address };
}

function stubOf(name: string, { stubs: [stub] }: DnsPlan): Address {
  if (stub !== undefined) return stub;
  throw new VmnetError('config', `/etc/resolv.conf names no address of this host: ${name} has no forwarder`, {
    hint: 'programs outside reach its servers by no stub either; name one, such as that of systemd-resolved',
  });
}
