import { existsSync, readFileSync } from 'node:fs';
import type { Ifname } from '../core/model/ifname.ts';

/**
 * Whether there is such a link, in the caller's network namespace: wherever /sys was mounted, /proc is that of who asks.
 * A link whose MTU is below 68 has no IPv4, and is in the list alone, which is read at most once.
 */
export function linkTest(): (ifname: Ifname) => boolean {
  let listed: ReadonlySet<string> | undefined;
  return ifname => {
    if (existsSync(`/proc/sys/net/ipv4/conf/${ifname}`)) return true;
    listed ??= namesOf(readFileSync('/proc/self/net/dev', 'utf8'));
    return listed.has(ifname);
  };
}

/** Two lines of a head, then `   NAME: NUMBER…`. */
function namesOf(text: string): ReadonlySet<string> {
  return new Set(text.split('\n').flatMap(line => /^ *(\S+):/.exec(line)?.[1] ?? []));
}
