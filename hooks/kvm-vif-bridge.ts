// Ganeti up to 3.1 runs /etc/ganeti/kvm-vif-bridge for every NIC of a KVM instance, before QEMU starts. It calls nothing
// when a NIC goes.
import { isCommunicationTap, requestFromGanetiEnv } from '../lib/core/source/ganeti-nic.ts';
import { runHook } from '../lib/host/hook.ts';
import { attach } from '../lib/run/attach.ts';

runHook('up', async context => {
  if (isCommunicationTap(process.env.INTERFACE ?? '')) return;
  await attach(context, requestFromGanetiEnv(process.env), { dryRun: false });
});
