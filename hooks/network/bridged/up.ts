// Ganeti 3.2 runs /etc/ganeti/network/bridged/up for every bridged NIC, before QEMU starts.
import { isCommunicationTap, requestFromGanetiEnv } from '../../../lib/core/source/ganeti-nic.ts';
import { runHook } from '../../../lib/host/hook.ts';
import { attach } from '../../../lib/run/attach.ts';

runHook('up', async context => {
  if (isCommunicationTap(process.env.INTERFACE ?? '')) return;
  await attach(context, requestFromGanetiEnv(process.env), { dryRun: false });
});
