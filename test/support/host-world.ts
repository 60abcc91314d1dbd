// A machine with four links of hardware on the kernel in memory, and a configuration of its own side.
import type { Context } from '../../lib/run/ports.ts';
import { ipLine } from './memory/ip-lines.ts';
import { type MemoryKernel, memoryKernel } from './memory-kernel.ts';
import { contextOf } from './world.ts';

export interface HostWorld {
  readonly kernel: MemoryKernel;
  /** The same kernel under a configuration. */
  under(ini: string): Context;
  /** Lines of `ip`, by somebody else. */
  ip(...lines: readonly string[]): void;
  /** What of these links and their routes there is. */
  shows(pattern: RegExp): readonly string[];
}

/** eth0 and eth1 are down; eth2 is up with addresses and a route of its own, eth3 up without. */
export function hostWorld(): HostWorld {
  const kernel = memoryKernel();
  for (const number of [0, 1, 2, 3]) kernel.addLink(`eth${number}`, 'veth', `52:54:00:00:00:0${number}`);
  const ip = (...lines: readonly string[]): void => {
    for (const line of lines) ipLine(kernel.state, line, line.includes(':') ? 6 : 4);
  };
  // The kernel makes its rules for VRFs with the first, and keeps them.
  ip('link add name first type vrf table 999', 'link del dev first');
  ip(
    'link set dev eth2 up',
    'link set dev eth3 up',
    'address add 10.7.0.2/24 dev eth2',
    'address add 2001:db8:7::2/64 dev eth2',
    'route add 10.77.0.0/16 via 10.7.0.1 dev eth2',
    'route add 2001:db8:77::/48 via 2001:db8:7::1 dev eth2',
  );
  return {
    kernel,
    under: ini => contextOf(kernel.host, ini),
    ip,
    shows: pattern => kernel.snapshot().filter(line => pattern.test(line)),
  };
}

/** A node: two ports in a bond, its VLANs bridged and routed, management in a VRF, storage on a bridge of its own. */
export const NODE = `
[bond bond0]
mode = active-backup
ports = eth0 eth1
primary = eth0
mtu = 9000
addresses = 10.1.0.2/24 2001:db8:1::2/64
gateway = 10.1.0.1
gateway6 = 2001:db8:1::1

[vlan bond0.992]
parent = bond0
id = 992

[vlan bond0.993]
parent = bond0
id = 993
mtu = 1500

[bridge vlan992]
ports = bond0.992
vlan-aware = yes

[vrf mgmt]
table = 1001
ports = eth2
gateway = 10.7.0.1
gateway6 = 2001:db8:7::1

[bridge storage]
ports = eth3
multicast-snooping = yes
addresses = 10.3.0.2/24 2001:db8:3::2/64
routes = 10.33.0.0/16 via 10.3.0.1 metric 50, 2001:db8:33::/48 via 2001:db8:3::1
`;
