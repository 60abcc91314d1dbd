import { hostname } from 'node:os';
import { asVmnetError, EXIT, type ExitName, formatError } from '../core/errors.ts';
import { type ClusterEvent, eventFromGanetiEnv, type InstanceEvent } from '../core/source/ganeti-hook.ts';
import { isSameNode } from '../core/source/node-name.ts';
import type { Context } from '../run/ports.ts';
import { DEFAULT_CONFIG, DEFAULT_STATE_DIR } from './defaults.ts';
import { createLog } from './log.ts';

/**
 * `refuse`: a failure aborts the operation, and Ganeti shows the line that says why. `tell`: the operation has happened,
 * so errors are told and that is all. `report`: what is printed is shown only by a failure.
 */
export type Consequence = 'refuse' | 'tell' | 'report';

/** Runs a hook of the cluster, which is about an event and about no tap. */
export function runClusterHook(
  consequence: Consequence,
  work: (context: Context, event: ClusterEvent) => Promise<ExitName>,
): void {
  void runWith(context => work(context, eventFromGanetiEnv(process.env))).then(exit =>
    process.exit(consequence === 'tell' ? EXIT.ok : EXIT[exit]),
  );
}

/** The watcher runs its hooks on every node, every few minutes, and tells them nothing. */
export function runWatcherHook(work: (context: Context) => Promise<ExitName>): void {
  void runWith(work).then(exit => process.exit(EXIT[exit]));
}

async function runWith(work: (context: Context) => Promise<ExitName>): Promise<ExitName> {
  const { VMNET_CONFIG, VMNET_STATE_DIR } = process.env;
  const globals = {
    config: VMNET_CONFIG ?? DEFAULT_CONFIG,
    stateDir: VMNET_STATE_DIR ?? DEFAULT_STATE_DIR,
    logLevel: 'warn' as const,
  };
  try {
    const { withContext } = await import('./context.ts');
    return await withContext(globals, work);
  } catch (thrown) {
    const error = asVmnetError(thrown);
    createLog({ level: 'warn', stderr: true }).write({ level: 'error', text: formatError(error) });
    return error.exit;
  }
}

/** Whether the instance is to run here: hooks run on the master too, and on the node that it leaves. */
export function runsHere(event: InstanceEvent): boolean {
  return isThisNode(event.target ?? event.primary);
}

/** After an event: where the instance is now, which Ganeti computes anew when an operation has ended. */
export function isHere(event: InstanceEvent): boolean {
  return isThisNode(event.after?.primary ?? event.target ?? event.primary);
}

function isThisNode(node: string | undefined): boolean {
  return node !== undefined && isSameNode(node, hostname());
}
