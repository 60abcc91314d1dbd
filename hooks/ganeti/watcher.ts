// The watcher runs this on every node every few minutes: NICs that somebody has damaged are mended, dead ones collected.
import { runWatcherHook } from '../../lib/host/cluster-hook.ts';

runWatcherHook(async context => {
  const { repair } = await import('../../lib/run/repair.ts');
  const { gc } = await import('../../lib/run/gc.ts');
  const { errors } = await repair(context, [], { dryRun: false });
  for (const error of errors) context.report('error', error.message);
  await gc(context, { dryRun: false });
  return errors[0]?.exit ?? 'ok';
});
