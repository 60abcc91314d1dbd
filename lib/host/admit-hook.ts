import type { InstanceEvent } from '../core/source/ganeti-hook.ts';
import type { Candidate } from '../run/admit.ts';
import { runClusterHook, runsHere } from './cluster-hook.ts';

/**
 * `carry`: NICs that the node which is to run the instance cannot carry are refused. `probe`: besides, addresses that
 * somebody answers for already; never in a migration or failover, where that is the instance itself.
 */
export type Admission = 'carry' | 'probe';

/** Before an event: refuses an instance with NICs that the node which is to run it should not have. */
export function admitNics(
  admission: Admission = 'carry',
  concerns: (event: InstanceEvent) => boolean = () => true,
): void {
  runClusterHook('refuse', async (context, event) => {
    if (event.kind !== 'instance' || !runsHere(event) || !concerns(event)) return 'ok';
    const { admit } = await import('../run/admit.ts');
    const admitted = await admit(context, candidatesOf(event));
    if (admission === 'carry') return 'ok';
    const { refuseAnswered } = await import('../run/probe.ts');
    await refuseAnswered(context, admitted);
    return 'ok';
  });
}

function candidatesOf({ instance, nics }: InstanceEvent): readonly Candidate[] {
  return nics.map(({ index, request }) => ({ name: `NIC ${index} of ${instance}`, request }));
}
