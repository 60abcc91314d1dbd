import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** Of ifupdown, ifupdown2, netplan and ifenslave: they come, work, and go. A daemon would always be there. */
const NAMES: ReadonlySet<string> = new Set(['ifup', 'ifdown', 'ifreload', 'ifenslave', 'netplan']);

/** Whether a program that brings links up and down runs in this network namespace: what it is about to do is not lost. */
export function managerAtWork(): boolean {
  const own = readlinkSync('/proc/self/ns/net');
  return readdirSync('/proc').some(pid => /^\d+$/.test(pid) && isManager(pid, own));
}

function isManager(pid: string, own: string): boolean {
  try {
    const name = readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
    return NAMES.has(name) && readlinkSync(`/proc/${pid}/ns/net`) === own;
  } catch {
    // It has ended since.
    return false;
  }
}
