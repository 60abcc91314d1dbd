import { existsSync } from 'node:fs';
import type { Ifname } from '../core/model/ifname.ts';
import { start, toolError } from './exec.ts';

export function linkExists(name: Ifname): boolean {
  return existsSync(`/sys/class/net/${name}`);
}

/** Older kernels rename no link that is up. */
export async function renameLink(from: Ifname, to: Ifname): Promise<void> {
  if (from === to) return;
  const lines = `link set dev ${from} down\nlink set dev ${from} name ${to}\n`;
  const exit = await start('ip', ['-batch', '-']).finish(lines);
  if (exit.code !== 0) throw toolError('ip', exit, `rename ${from} to ${to}`);
}
