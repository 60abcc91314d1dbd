import { existsSync } from 'node:fs';
import { lackOf } from '../core/verify/host-errors.ts';
import { start } from './exec.ts';

const MODPROBE_MS = 30_000;

/** Loads what makes VRFs, before anything is changed that needs them; `where` is the section that does. */
export async function requireVrfModule(where: string): Promise<void> {
  if (isLoaded()) return;
  await start('modprobe', ['--quiet', 'vrf'])
    .finish('', MODPROBE_MS)
    .catch(() => undefined);
  if (!isLoaded()) throw lackOf('vrf', { where });
}

/** The sysctl came with Linux 5.9; a kernel with VRFs built in has no module. */
function isLoaded(): boolean {
  return existsSync('/proc/sys/net/vrf') || existsSync('/sys/module/vrf');
}
