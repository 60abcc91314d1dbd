// Ganeti up to 3.1 runs /etc/ganeti/kvm-vif-bridge for every NIC of a KVM instance, before QEMU starts. It calls nothing
// when a NIC goes.
import { isCommunicationTap } from '../lib/core/source/communication-tap.ts';
import { runHook } from '../lib/host/hook.ts';

if (!isCommunicationTap(process.env.INTERFACE ?? '')) {
  runHook('up', async context => {
    const { requestFromGanetiEnv } = await import('../lib/core/source/ganeti-nic.ts');
    const { attach } = await import('../lib/run/attach.ts');
    await attach(context, requestFromGanetiEnv(process.env), { dryRun: false });
  });
}
