import type { LinkFacts } from '../observed/query.ts';

/** Links that a hypervisor or a container engine makes, changes and removes by itself. */
const NAMES: readonly RegExp[] = [
  // Taps, as QEMU, libvirt, Proxmox and Xen name them; those of Ganeti are told by their type.
  /^(tap|vnet|macvtap|vif|fwpr|fwln|fwbr)\d/,
  // Ends of what leads into containers.
  /^(veth[0-9a-f]{7,8}|veth[0-9A-Za-z]{6}|cali[0-9a-f]+|lxc[0-9a-f]+|v[eb]-.+)$/,
  // Bridges of Docker, libvirt, LXC, LXD, Incus, Podman and Kubernetes.
  /^(docker\d+|docker_gwbridge|br-[0-9a-f]{12}|virbr\d+(-nic)?|(lxc|lxd|incus)br\d+|podman\d+|cni(-podman)?\d+|flannel.*)$/,
];

/** Of Open vSwitch's own. */
const SWITCH_NAMES = /^(ovs-system|ovs-netdev|br-int)$/;

/** Whether VM software, or Open vSwitch for itself, owns a link, or what the link is on or a port of. */
export function isOwned({ ifname, type, parent, master }: LinkFacts, switches: readonly string[]): boolean {
  // Where the datapath is in the daemon, a bridge of Open vSwitch has a tap for its own port.
  const isTap = type === 'tun' && !switches.includes(ifname);
  if (isTap || SWITCH_NAMES.test(ifname) || isNamed(ifname)) return true;
  // Other ports of such a bridge were given to it by somebody.
  return isNamed(parent) || (type === 'veth' && isNamed(master));
}

function isNamed(name: string | undefined): boolean {
  return name !== undefined && NAMES.some(one => one.test(name));
}
