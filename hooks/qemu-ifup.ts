// QEMU runs this for `-netdev tap,script=/etc/vmnet/qemu-ifup` with the tap as its argument, before the guest starts. It
// tells nothing else of the NIC: the tap's file in nics.d does.
import { DEFAULT_CONFIG } from '../lib/host/defaults.ts';
import { runHook } from '../lib/host/hook.ts';

runHook(
  'up',
  async (context, tap) => {
    const { requireNicFile } = await import('../lib/host/nic-files.ts');
    const { attach } = await import('../lib/run/attach.ts');
    const { VMNET_CONFIG = DEFAULT_CONFIG } = process.env;
    await attach(context, requireNicFile(tap, context.config, VMNET_CONFIG), { dryRun: false });
  },
  { text: process.argv[2] ?? '', where: 'argument 1' },
);
