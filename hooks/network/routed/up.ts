// Ganeti 3.2 runs /etc/ganeti/network/routed/up for every routed NIC, before QEMU starts, and after a
// live migration.
import { isCommunicationTap, requestFromGanetiEnv } from '../../../lib/core/source/ganeti-nic.ts';
import { runHook } from '../../../lib/host/hook.ts';
import { attach } from '../../../lib/run/attach.ts';

runHook('up', async context => {
  if (isCommunicationTap(process.env.INTERFACE ?? '')) return;
  await attach(context, requestFromGanetiEnv(process.env), { dryRun: false });
});
