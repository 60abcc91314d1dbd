// Before a network is connected to this group of nodes: each of them must have its bridge, or its table and uplink.
import { runClusterHook } from '../../lib/host/cluster-hook.ts';
import { admitNetwork } from '../../lib/run/admit.ts';

runClusterHook('refuse', async (context, event) => {
  if (event.kind === 'connection') await admitNetwork(context, event);
  return 'ok';
});
