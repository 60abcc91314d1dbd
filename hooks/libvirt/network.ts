// libvirt runs /etc/libvirt/hooks/network.d/vmnet when a network of its own starts or stops, and for each port of one.
import { runNetworkHook } from '../../lib/host/libvirt-hook.ts';

runNetworkHook(process.argv.slice(2));
