import { asVmnetError, formatError, VmnetError } from '../core/errors.ts';
import type { Ifname } from '../core/model/ifname.ts';
import type { NicRecord } from '../core/model/record.ts';
import { attachLocked } from './attach.ts';
import { isAlive } from './living.ts';
import type { Context } from './ports.ts';

/** The instance runs here by now: what was left out of its NICs while they were arriving is made up for. */
export async function arrive(context: Context, instance: string): Promise<void> {
  const records = [...context.host.records.iterate()];
  const taps = records.flatMap(record =>
    !(record instanceof VmnetError) && isArriving(context, record, instance) ? [record.request.ifname] : [],
  );
  for (const tap of taps) {
    try {
      await arriveTap(context, tap, instance);
    } catch (thrown) {
      // The others are not to suffer for it.
      context.report('error', formatError(asVmnetError(thrown)));
    }
  }
}

/** Whoever had the lock before may have detached it, or brought it up with other words: its record is read again. */
async function arriveTap(context: Context, tap: Ifname, instance: string): Promise<void> {
  const lock = context.host.lock(tap, 'exclusive');
  try {
    const record = context.host.records.read(tap);
    if (record === undefined || !isArriving(context, record, instance)) return;
    const { phase: _, ...here } = record.request;
    await attachLocked(context, here);
  } finally {
    lock.release();
  }
}

function isArriving(context: Context, record: NicRecord, instance: string): boolean {
  const { request } = record;
  return request.phase === 'arriving' && request.instance === instance && isAlive(context, record);
}
