import { importHost } from '../core/import/import-host.ts';
import { EVERYTHING, type Imported } from '../core/import/scene.ts';
import { importText } from '../core/import/text.ts';
import { identityOf } from '../core/model/identity.ts';
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
  const sections = parseConfig([{ path: 'import', text: importText(imported) }], rtTables);
  const record = host.hostRecord.read();
  const goal = { sections, recreate: false, ...(record === undefined ? {} : { record }) };
  const changes = hostGoalPlan(goal, observed, config.settings).steps.map(stepText);
  return { ...imported, changes, text: importText(imported, changes) };
}
