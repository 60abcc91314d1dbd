// The node of world.ts on the kernel in memory.
import { ipLine } from './memory/ip-lines.ts';
import { nftTransaction } from './memory/nft-lines.ts';
import { OVS_BRIDGES, ovsTransaction } from './memory/ovs.ts';
import { adoptMac } from './memory/ports.ts';
import { setSysctl } from './memory/state.ts';
import { type MemoryKernel, memoryKernel, sysctlLine } from './memory-kernel.ts';
import { contextOf, type World } from './world.ts';

export interface MemoryWorld extends World {
  readonly kernel: MemoryKernel;
}

export function memoryWorld(ini?: string): MemoryWorld {
  const kernel = nodeInMemory();
  let taps = 0;
  return {
    kernel,
    context: contextOf(kernel.host, ini),
    announced: kernel.announced,
    ip: async (line, family = 4) => ipLine(kernel.state, line, family),
    nft: async (...lines) => nftTransaction(kernel.state, lines),
    ovs: async commands => ovsTransaction(kernel.state, [commands]),
    sysctl: async (path, value) => sysctlLine(kernel.state, `${path}=${value}`),
    makeTap: async name => {
      taps += 1;
      kernel.addLink(name, 'tun', `5e:00:00:00:00:${taps.toString(16).padStart(2, '0')}`);
    },
    removeTap: async name => kernel.removeLink(name),
    snapshot: async () => kernel.snapshot(),
  };
}

/** What a routed node has before the first NIC: an uplink that is up, a bridge with a port, forwarding of IPv6. */
function nodeInMemory(): MemoryKernel {
  const kernel = memoryKernel();
  kernel.addLink('up0', 'veth', '52:54:00:00:00:01');
  kernel.addLink('up1', 'veth', '52:54:00:00:00:04');
  kernel.addLink('up6', 'veth', '52:54:00:00:00:06');
  kernel.addLink('port0', 'veth', '52:54:00:00:00:02');
  kernel.addLink('br0', 'bridge', '52:54:00:00:00:03');
  kernel.addLink('br1', 'bridge', '52:54:00:00:00:05');
  kernel.addLink('br2', 'bridge', '52:54:00:00:00:07');
  kernel.addLink('trunk0', 'veth', '52:54:00:00:00:08');
  for (const bridge of OVS_BRIDGES) kernel.addLink(bridge, 'tun', '52:54:00:00:00:09');
  for (const line of [
    'br1 up',
    'up0 up',
    'up1 up',
    'up6 up',
    'br0 up',
    'port0 master br0 up',
    'br2 type bridge vlan_filtering 1',
    'br2 up',
    'trunk0 master br2 up',
  ])
    ipLine(kernel.state, `link set dev ${line}`, 4);
  adoptMac(kernel.state, 'br0');
  setSysctl(kernel.state, 'net/ipv6/conf/all/forwarding', '1');
  return kernel;
}
