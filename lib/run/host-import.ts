import { asVmnetError, formatError } from '../core/errors.ts';
import { importHost } from '../core/import/import-host.ts';
import { EVERYTHING, type Imported } from '../core/import/scene.ts';
import { importText } from '../core/import/text.ts';
import { identityOf } from '../core/model/identity.ts';
import type { Observed } from '../core/observed/query.ts';
import { stepText } from '../core/plan/plan.ts';
import { parseConfig } from '../core/source/config.ts';
import { hostGoalPlan } from './host-goal.ts';
import type { Context } from './ports.ts';

export interface HostImport extends Imported {
  readonly text: string;
  /** What `host up` would change with this file: nothing, unless the kernel has what no reader of vmnet's tells. */
  readonly changes: readonly string[];
}

/** The configuration that describes what the host runs now. */
export async function hostImport({ host, config, rtTables }: Context): Promise<HostImport> {
  const observed = await host.exchange([], EVERYTHING);
  const imported = importHost(observed, rtTables, identityOf(config.settings));
  const changes = changesOf(importText(imported), observed, { host, config, rtTables });
  return { ...imported, changes, text: importText(imported, changes) };
}

/** The kernel may have what the file takes nowhere: then that is what is to be known of the file. */
function changesOf(
  text: string,
  observed: Observed,
  { host, config, rtTables }: Pick<Context, 'host' | 'config' | 'rtTables'>,
): readonly string[] {
  try {
    const sections = parseConfig([{ path: 'line', text }], rtTables);
    const record = host.hostRecord.read();
    const goal = { sections, recreate: false, ...(record === undefined ? {} : { record }) };
    return hostGoalPlan(goal, observed, config.settings).steps.map(stepText);
  } catch (thrown) {
    return [`nothing before this is corrected: ${formatError(asVmnetError(thrown))}`];
  }
}
