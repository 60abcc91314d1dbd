import { runClusterHook, runsHere } from './cluster-hook.ts';

/** Before an event: refuses an instance with NICs that the node which is to run it cannot carry. */
export function admitNics(): void {
  runClusterHook('refuse', async (context, event) => {
    if (event.kind !== 'instance' || !runsHere(event)) return 'ok';
    const { admit } = await import('../run/admit.ts');
    const candidates = event.nics.map(({ index, request }) => ({
      name: `NIC ${index} of ${event.instance}`,
      request,
    }));
    await admit(context, candidates);
    return 'ok';
  });
}
