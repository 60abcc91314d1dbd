import { readFileSync } from 'node:fs';
import type { VlanLink } from '../core/observed/query.ts';

/** The VLAN interfaces of this network namespace, as the module 8021q lists them: `eth0.10 | 10 | eth0`. */
export function readVlanLinks(): readonly VlanLink[] {
  return text()
    .split('\n')
    .flatMap(line => {
      const [, ifname, id, parent] = /^(\S+)\s*\|\s*(\d+)\s*\|\s*(\S+)\s*$/.exec(line) ?? [];
      return ifname === undefined || parent === undefined ? [] : [{ ifname, parent, id: Number(id) }];
    });
}

function text(): string {
  try {
    return readFileSync('/proc/net/vlan/config', 'utf8');
  } catch {
    // Without the module there is none.
    return '';
  }
}
