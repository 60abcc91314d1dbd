import { readFileSync } from 'node:fs';
import type { Session } from '../core/model/unconfirmed.ts';

/**
 * The SSH session that this process belongs to. sudo and su drop the variable; what they were started from has it. It
 * is as old as its oldest process: a new shell in a terminal multiplexer proves no new connection.
 */
export function ownSession(): Session {
  let found: Session = { since: 0 };
  for (let pid = process.pid; pid > 1; ) {
    const stat = statOf(pid);
    if (stat === undefined) break;
    const connection = connectionOf(pid);
    if (connection !== undefined && connection === (found.connection ?? connection))
      found = { connection, since: stat.since };
    pid = stat.parent;
  }
  return found;
}

/** Hundredths of seconds since the boot, and which boot that was. */
export function thisBoot(): { readonly boot: string; readonly uptime: number } {
  return {
    boot: readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim(),
    uptime: Math.round(Number.parseFloat(readFileSync('/proc/uptime', 'utf8')) * 100),
  };
}

/** When a process began, in the same unit; undefined when there is none. */
export function beginOf(pid: number): number | undefined {
  return statOf(pid)?.since;
}

function connectionOf(pid: number): string | undefined {
  try {
    const words = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
    const word = words.find(one => one.startsWith('SSH_CONNECTION='));
    return word?.slice('SSH_CONNECTION='.length) || undefined;
  } catch {
    return undefined;
  }
}

/**
 * Fields 4 and 22 of /proc/PID/stat; the second is the name of the program, with any character in it. Times in /proc are
 * in hundredths of seconds on every architecture of Debian's.
 */
function statOf(pid: number): { readonly parent: number; readonly since: number } | undefined {
  try {
    const [, rest = ''] = /^.*\) \S (.*)$/s.exec(readFileSync(`/proc/${pid}/stat`, 'utf8')) ?? [];
    const fields = rest.split(' ');
    return { parent: Number(fields[0]), since: Number(fields[18]) };
  } catch {
    return undefined;
  }
}
