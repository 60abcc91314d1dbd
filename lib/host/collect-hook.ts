import type { Context } from '../run/ports.ts';
import { isHere, runClusterHook } from './cluster-hook.ts';

/** After an event: what NICs have left here whose taps are gone goes, whatever became of them. */
export function collect(): void {
  runClusterHook('tell', collectGone);
}

/**
 * After a migration that was a success, or that Ganeti has tidied up after: besides, NICs of the instance that were only
 * prepared here are brought up. Their script may have failed, which Ganeti only logs, or was not run at all.
 */
export function arriveAndCollect(): void {
  runClusterHook('tell', async (context, event) => {
    if (event.kind === 'instance' && isHere(event)) {
      const { arrive } = await import('../run/arrive.ts');
      await arrive(context, event.instance);
    }
    return collectGone(context);
  });
}

async function collectGone(context: Context): Promise<'ok'> {
  const { gc } = await import('../run/gc.ts');
  await gc(context, { dryRun: false });
  return 'ok';
}
