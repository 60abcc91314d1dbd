// Ganeti with GRNET's patches runs /etc/ganeti/kvm-ifdown-custom when a NIC goes, and on a target that never had it.
import { parseIfname } from '../lib/core/model/ifname.ts';
import { isCommunicationTap } from '../lib/core/source/communication-tap.ts';
import { runHook } from '../lib/host/hook.ts';

const tap = process.env.INTERFACE ?? '';
if (!isCommunicationTap(tap)) {
  runHook('down', async context => {
    const { detach } = await import('../lib/run/detach.ts');
    await detach(context, parseIfname(tap, '$INTERFACE'), { dryRun: false });
  });
}
