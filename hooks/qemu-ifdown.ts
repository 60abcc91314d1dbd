// QEMU runs this for `-netdev tap,downscript=/etc/vmnet/qemu-ifdown` with the tap as its argument when it ends by itself,
// while the tap is still there.
import { runHook } from '../lib/host/hook.ts';

runHook(
  'down',
  async (context, tap) => {
    const { detach } = await import('../lib/run/detach.ts');
    await detach(context, tap, { dryRun: false });
  },
  { text: process.argv[2] ?? '', where: 'argument 1' },
);
