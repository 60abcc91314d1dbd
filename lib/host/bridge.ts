import { readdirSync, readFileSync } from 'node:fs';
import type { Ifname } from '../core/model/ifname.ts';

/** NET_ADDR_SET: somebody gave the device its address, and the kernel leaves it alone. */
const ADDRESS_WAS_SET = '3';

/**
 * Whether a bridge keeps its MAC when a port with a MAC of fe:… joins or leaves. It takes the lowest one among its
 * ports (br_stp_recalculate_bridge_id), unless its own was set; a port that is lower than any tap of ours pins it too.
 */
export function keepsMac(bridge: Ifname): boolean {
  const root = `/sys/class/net/${bridge}`;
  if (read(`${root}/addr_assign_type`) === ADDRESS_WAS_SET) return true;
  return ports(root).some(port => read(`/sys/class/net/${port}/address`) < 'fa');
}

function ports(root: string): readonly string[] {
  try {
    return readdirSync(`${root}/brif`);
  } catch {
    return [];
  }
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return 'none';
  }
}
