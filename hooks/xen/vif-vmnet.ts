// Xen runs /etc/xen/scripts/vif-vmnet for each NIC with script=vif-vmnet: online and offline for the guest's own driver,
// add and remove for the tap of an emulated one.
import { runXenHook } from '../../lib/host/xen-hook.ts';

runXenHook(process.argv.slice(2), process.env, {
  attach: async (context, request) => {
    const { attach } = await import('../../lib/run/attach.ts');
    await attach(context, request, { dryRun: false });
  },
  detach: async (context, tap) => {
    const { detach } = await import('../../lib/run/detach.ts');
    await detach(context, tap, { dryRun: false });
  },
});
