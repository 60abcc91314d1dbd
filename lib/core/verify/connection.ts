import { type Address, contains } from '../model/address.ts';
import type { Ifname } from '../model/ifname.ts';
import type { KernelObject } from '../model/object.ts';
import type { Observed } from '../observed/query.ts';
import type { Step } from '../plan/plan.ts';

/** The two ends of the connection that a command was typed on. */
export interface Connection {
  readonly client: Address;
  readonly server: Address;
}

/**
 * The first step that takes something from under a connection: the address that it came in at, the link with that
 * address, what this link stands on, or a route that its answers take. What is added beside them cuts nothing.
 */
export function cuttingStep(
  steps: readonly Step[],
  observed: Observed,
  { client, server }: Connection,
): Step | undefined {
  const under = linksUnder(server, observed);
  if (under.size === 0) return undefined;
  return steps.find(step => {
    const { op, object } = step;
    if (object.kind === 'link') return op !== 'add' && under.has(object.ifname);
    if (object.kind === 'ovs-port' || object.kind === 'ovs-bridge')
      return op === 'delete' && under.has(object.ifname);
    if (object.kind === 'address') return op === 'delete' && object.address.text === server.text;
    if (object.kind === 'route')
      return op !== 'add' && contains(object.prefix, client) && under.has(object.dev ?? '');
    if (object.kind !== 'link-setting' || !under.has(object.ifname) || op === 'delete') return false;
    if (object.setting === 'master') return !(op === 'add') || object.restart !== undefined;
    return object.setting === 'state' && object.value === 'down';
  });
}

/** The links with this address, their parents and their ports, down to the hardware. */
function linksUnder(server: Address, { objects, links }: Observed): ReadonlySet<string> {
  const has = (object: KernelObject): object is KernelObject & { readonly ifname: Ifname } =>
    object.kind === 'address' && object.address.text === server.text;
  const under = new Set<string>(objects.filter(has).map(({ ifname }) => ifname));
  // A set that grows while it is walked is walked to its new end.
  for (const name of under) {
    const parent = links.get(name as Ifname)?.parent;
    if (parent !== undefined) under.add(parent);
    for (const { ifname, master } of links.values()) if (master === name) under.add(ifname);
    for (const object of objects)
      if (object.kind === 'ovs-port' && object.bridge === name) under.add(object.ifname);
  }
  return under;
}
