// libvirt runs /etc/libvirt/hooks/qemu.d/vmnet for each step in the life of every domain of QEMU's.
import { runQemuHook } from '../../lib/host/libvirt-hook.ts';

runQemuHook(process.argv.slice(2));
