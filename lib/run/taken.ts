import { networkObjects } from '../core/desired/network.ts';
import { VmnetError } from '../core/errors.ts';
import type { Network } from '../core/model/network.ts';
import { byKey, contentOf, type KernelObject, keyOf, textOf } from '../core/model/object.ts';
import type { Step } from '../core/plan/plan.ts';
import type { Prepared } from './converge.ts';
import { isAlive } from './living.ts';
import type { Context } from './ports.ts';

/**
 * An uplink has one mark and one ARP source, a link group one mark and one gateway, a table one default route. Sections
 * of the configuration agree about them; but what a cluster says of a network, a NIC whose link names a table, or a
 * record older than the configuration may not, and would take them from NICs that live.
 */
export function refuseTaken(context: Context, { goal, plan }: Prepared): void {
  const shared = plan.steps.flatMap(sharedOf);
  if (shared.length === 0) return;
  const taps = goal.changes.map(change => change.tap);
  const names = new Set(
    goal.changes.flatMap(({ nic }) => (nic?.mode === 'routed' ? [nic.network.name] : [])),
  );
  for (const record of context.host.records.iterate()) {
    if (record instanceof VmnetError || record.network === undefined) continue;
    const tap = record.request.ifname;
    if (taps.includes(tap) || !isAlive(context, record)) continue;
    const needed = byKey(networkObjects(record.network, goal.settings));
    for (const object of shared) {
      const other = needed.get(keyOf(object));
      if (other === undefined || contentOf(other) === contentOf(object)) continue;
      if (mayFollow(object, record.network, names)) continue;
      throw new VmnetError('config', `${tap} of ${record.network.name} needs ${textOf(other)}`, {
        where: taps[0] ?? '',
        hint: `this NIC needs ${textOf(object)}; if the configuration has changed, vmnet repair first`,
      });
    }
  }
}

/** A network that gets another gateway gets it with the next NIC; its table and its uplink's mark move by repair alone. */
function mayFollow(object: KernelObject, network: Network, names: ReadonlySet<string>): boolean {
  return names.has(network.name) && !(object.kind === 'nft-element' && isMark(object.set));
}

function sharedOf({ op, object }: Step): KernelObject[] {
  if (op === 'delete') return [];
  if (object.kind === 'route') return object.via === undefined ? [] : [object];
  if (object.kind !== 'nft-element') return [];
  return isMark(object.set) || ['group_gateway', 'uplink_arp_source'].includes(object.set) ? [object] : [];
}

function isMark(set: string): boolean {
  return /_mark[46]$/.test(set);
}
