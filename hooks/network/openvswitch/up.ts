// Ganeti 3.2 runs /etc/ganeti/network/openvswitch/up for every NIC on Open vSwitch, before QEMU starts.
import { isCommunicationTap } from '../../../lib/core/source/communication-tap.ts';
import { runHook } from '../../../lib/host/hook.ts';

if (!isCommunicationTap(process.env.INTERFACE ?? '')) {
  runHook('up', async context => {
    const { requestFromGanetiEnv } = await import('../../../lib/core/source/ganeti-nic.ts');
    const { attach } = await import('../../../lib/run/attach.ts');
    await attach(context, requestFromGanetiEnv(process.env), { dryRun: false });
  });
}
