// The two ways in which a Ganeti 3.0 runs NIC scripts: that of its releases, and that of GRNET's patches.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Cluster, restartNoded } from './cluster.ts';
import { mustOn, put } from './node-run.ts';

export type Contract = 'stock' | 'grnet';

const SHIM = readFileSync(join(import.meta.dirname, 'grnet_ifdown.py'), 'utf8');
const HYPERVISOR = '/usr/share/ganeti/3.0/ganeti/hypervisor/hv_kvm';
const LOAD = 'from ganeti.hypervisor.hv_kvm import grnet_ifdown\ngrnet_ifdown.install(KVMHypervisor)';
const IFDOWN = '#!/bin/sh\nexec /etc/ganeti/kvm-ifdown-custom "$@"\n';

/** From here on, the cluster's nodes run kvm-ifup-custom and kvm-ifdown-custom. */
export async function useGrnetsContract(cluster: Cluster): Promise<void> {
  for (const machine of cluster.machines) {
    await put(machine, `${HYPERVISOR}/grnet_ifdown.py`, SHIM);
    await put(machine, '/usr/lib/ganeti/kvm-ifdown', IFDOWN, '755');
    const script = [
      `printf '%s\\n' "$0" >>${HYPERVISOR}/__init__.py`,
      'file=$(readlink -f /usr/lib/ganeti/kvm-ifup)',
      `sed -i '/^if .*kvm-vif-bridge/i [ ! -x "$CONF_DIR/kvm-ifup-custom" ] || exec "$CONF_DIR/kvm-ifup-custom" "$@"' "$file"`,
      'grep -q kvm-ifup-custom "$file"',
    ];
    await mustOn(machine, ['sh', '-ec', script.join('\n'), LOAD]);
    await restartNoded(machine);
  }
}
