// Ganeti 3.2 runs /etc/ganeti/network/openvswitch/down when a NIC on Open vSwitch goes, perhaps more than once and with the VM still alive.
import { parseIfname } from '../../../lib/core/model/ifname.ts';
import { isCommunicationTap } from '../../../lib/core/source/communication-tap.ts';
import { runHook } from '../../../lib/host/hook.ts';

const tap = process.env.INTERFACE ?? '';
if (!isCommunicationTap(tap)) {
  runHook('down', async context => {
    const { detach } = await import('../../../lib/run/detach.ts');
    await detach(context, parseIfname(tap, '$INTERFACE'), { dryRun: false });
  });
}
