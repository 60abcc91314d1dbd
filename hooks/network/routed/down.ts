// Ganeti 3.2 runs /etc/ganeti/network/routed/down when a routed NIC goes, perhaps more than once and with the VM still alive.
import { parseIfname } from '../../../lib/core/model/ifname.ts';
import { isCommunicationTap } from '../../../lib/core/source/ganeti-nic.ts';
import { runHook } from '../../../lib/host/hook.ts';
import { detach } from '../../../lib/run/detach.ts';

runHook('down', async context => {
  const tap = process.env.INTERFACE ?? '';
  if (!isCommunicationTap(tap)) await detach(context, parseIfname(tap, '$INTERFACE'), { dryRun: false });
});
