// Somebody behind the router, from where guests are asked.
import { ipBatch, type Place } from '../support/command.ts';
import { makeNamespace } from '../support/topology.ts';
import type { Cluster } from './cluster.ts';

export async function outsideOf({ datacentre: { prefix, router } }: Cluster): Promise<Place> {
  const outside = { ns: `${prefix}-outside` };
  await makeNamespace(outside);
  await ipBatch(router, [
    `link add eth2 type veth peer name eth0 netns ${outside.ns}`,
    'address add 10.8.8.1/24 dev eth2',
    'address add 2001:db8:8::1/64 dev eth2',
    'link set eth2 up',
  ]);
  await ipBatch(outside, [
    'address add 10.8.8.2/24 dev eth0',
    'address add 2001:db8:8::2/64 dev eth0',
    'link set eth0 up',
    'route add default via 10.8.8.1',
    'route add default via 2001:db8:8::1',
  ]);
  return outside;
}
