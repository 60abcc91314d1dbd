import { asVmnetError, formatError, VmnetError } from '../core/errors.ts';
import type { NicRequest } from '../core/model/request.ts';
import { attach } from './attach.ts';
import { isAlive } from './living.ts';
import type { Context } from './ports.ts';

/** The instance runs here by now: what was left out of its NICs while they were arriving is made up for. */
export async function arrive(context: Context, instance: string): Promise<void> {
  for (const request of arriving(context, instance)) {
    const { phase: _, ...here } = request;
    try {
      await attach(context, here, { dryRun: false });
    } catch (thrown) {
      // The others are not to suffer for it.
      context.report('error', formatError(asVmnetError(thrown)));
    }
  }
}

function arriving(context: Context, instance: string): readonly NicRequest[] {
  return [...context.host.records.iterate()].flatMap(record => {
    if (record instanceof VmnetError || record.request.phase !== 'arriving') return [];
    return record.request.instance === instance && isAlive(context, record) ? [record.request] : [];
  });
}
