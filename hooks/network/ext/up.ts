// Ganeti 3.2 runs /etc/ganeti/network/ext/up for every NIC of mode ext, before QEMU starts, and on the target of a live
// migration twice: MIGRATION_PHASE is pre before the transfer and post after it.
import { isCommunicationTap } from '../../../lib/core/source/communication-tap.ts';
import { runHook } from '../../../lib/host/hook.ts';

if (!isCommunicationTap(process.env.INTERFACE ?? '')) {
  runHook('up', async context => {
    const { requestFromGanetiExtEnv } = await import('../../../lib/core/source/ganeti-ext.ts');
    const { attach } = await import('../../../lib/run/attach.ts');
    await attach(context, requestFromGanetiExtEnv(process.env, context.config), { dryRun: false });
  });
}
