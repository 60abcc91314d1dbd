// The node of world.ts on the kernel in memory.
import { ipLine } from './memory/ip-lines.ts';
import { nftTransaction } from './memory/nft-lines.ts';
import { type MemoryKernel, nodeInMemory, sysctlLine } from './memory-kernel.ts';
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
    sysctl: async (path, value) => sysctlLine(kernel.state, `${path}=${value}`),
    makeTap: async name => {
      taps += 1;
      kernel.addLink(name, 'tun', `5e:00:00:00:00:${taps.toString(16).padStart(2, '0')}`);
    },
    removeTap: async name => kernel.removeLink(name),
    snapshot: async () => kernel.snapshot(),
  };
}
