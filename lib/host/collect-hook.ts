import { runClusterHook } from './cluster-hook.ts';

/** After an event: what NICs have left here whose taps are gone goes, whatever became of them. */
export function collect(): void {
  runClusterHook('tell', async context => {
    const { gc } = await import('../run/gc.ts');
    await gc(context, { dryRun: false });
    return 'ok';
  });
}
