import { readlinkSync } from 'node:fs';

/** Whether this process has the first process's network, which is systemd's; in a container, that may be hidden. */
export function hasFirstNetwork(): boolean {
  return networkOf('self') === networkOf('1');
}

function networkOf(process: 'self' | '1'): string | undefined {
  try {
    return readlinkSync(`/proc/${process}/ns/net`);
  } catch {
    return undefined;
  }
}
