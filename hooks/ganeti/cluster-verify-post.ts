// `gnt-cluster verify` shows what this prints when it fails: where the kernel of this node is not what its NICs need.
import { runClusterHook } from '../../lib/host/cluster-hook.ts';

runClusterHook('report', async context => {
  const { check } = await import('../../lib/run/check.ts');
  const { driftText } = await import('../../lib/core/plan/drift-text.ts');
  const { steps, errors, gone } = await check(context, []);
  for (const step of steps) context.report('error', driftText(step));
  for (const tap of gone) context.report('error', `${tap} is gone, and its record is still there`);
  for (const error of errors) context.report('error', error.message);
  return steps.length + gone.length + errors.length === 0 ? 'ok' : 'drift';
});
