// Ganeti with GRNET's patches runs /etc/ganeti/kvm-ifup-custom when a NIC comes; the tap is $INTERFACE, never the argument.
import { isCommunicationTap } from '../lib/core/source/communication-tap.ts';
import { runHook } from '../lib/host/hook.ts';

if (!isCommunicationTap(process.env.INTERFACE ?? '')) {
  runHook('up', async context => {
    const { requestFromGanetiEnv } = await import('../lib/core/source/ganeti-nic.ts');
    const { attach } = await import('../lib/run/attach.ts');
    await attach(context, requestFromGanetiEnv(process.env), { dryRun: false });
  });
}
