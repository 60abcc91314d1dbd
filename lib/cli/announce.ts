import { parseIfname } from '../core/model/ifname.ts';
import { announce } from '../run/announce.ts';
import { type GlobalArgv, onHost, printLine } from './context.ts';

const NOTHING =
  'nothing to announce: bridged NICs are announced by their hypervisor, and arriving ones when the VM is here';

export function addAnnounce(yargs: GlobalArgv): void {
  yargs.command(
    'announce <tap>',
    'Tell the segment again where a NIC is: gratuitous ARP and unsolicited NA',
    yargs =>
      yargs
        .positional('tap', { type: 'string', demandOption: true, describe: 'The tap' })
        .example('$0 announce tap0', 'after a router has lost its caches'),
    argv =>
      onHost(argv, async context => {
        const told = await announce(context, parseIfname(argv.tap, 'TAP'));
        for (const { address, dev } of told) printLine(`${address.text} announced on ${dev}`);
        if (told.length === 0) printLine(NOTHING);
        return 'ok';
      }),
  );
}
