import { existsSync } from 'node:fs';
import { VmnetError } from '../core/errors.ts';
import { start } from './exec.ts';

/**
 * Loads the module before the kernel does so by itself: without the parameter it makes a `bond0` on the way, and whoever
 * asked for that name is told that it is taken. Where there is no module, the kernel says so when it is to make a bond.
 */
export async function loadBonding(): Promise<void> {
  if (existsSync('/sys/module/bonding')) return;
  try {
    await start('modprobe', ['--quiet', 'bonding', 'max_bonds=0']).finish('');
  } catch (thrown) {
    if (!(thrown instanceof VmnetError) || thrown.exit !== 'missing') throw thrown;
  }
}
