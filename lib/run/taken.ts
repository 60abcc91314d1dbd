import { networkObjects, sharedText } from '../core/desired/network.ts';
import { VmnetError } from '../core/errors.ts';
import type { Settings } from '../core/model/config.ts';
import type { Ifname } from '../core/model/ifname.ts';
import type { Network } from '../core/model/network.ts';
import { byKey, contentOf, type KernelObject, keyOf, textOf } from '../core/model/object.ts';
import type { Step } from '../core/plan/plan.ts';
import type { Prepared } from './converge.ts';
import type { Change } from './goal.ts';
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

/**
 * The same among NICs that are looked at together: of two networks that want different things of what they share, the one
 * that was told last would have it, and nobody would be told.
 */
export function contradictions(changes: readonly Change[], settings: Settings): readonly VmnetError[] {
  const networks = new Map<string, { readonly tap: Ifname; readonly network: Network }>();
  for (const { tap, nic } of changes)
    if (nic?.mode === 'routed') networks.set(sharedText(nic), { tap, network: nic.network });
  if (networks.size < 2) return [];
  const wanted = new Map<string, Wanted>();
  const errors = new Map<string, VmnetError>();
  for (const { tap, network } of networks.values()) {
    for (const object of networkObjects(network, settings).filter(isContested)) {
      const key = keyOf(object);
      const other = wanted.get(key);
      if (other === undefined) wanted.set(key, { tap, network, object });
      else if (contentOf(other.object) !== contentOf(object) && other.network.name !== network.name)
        errors.set(`${other.network.name} ${network.name}`, contradiction({ tap, network, object }, other));
    }
  }
  return [...errors.values()];
}

interface Wanted {
  readonly tap: Ifname;
  readonly network: Network;
  readonly object: KernelObject;
}

function contradiction({ tap, network, object }: Wanted, other: Wanted): VmnetError {
  return new VmnetError(
    'config',
    `network ${network.name} needs ${textOf(object)}, and ${other.network.name}, which ${other.tap} is in, ${textOf(other.object)}`,
    { where: tap, hint: 'correct one of the two, in its section or where the cluster says it' },
  );
}

function sharedOf({ op, object }: Step): KernelObject[] {
  return op === 'delete' || !isContested(object) ? [] : [object];
}

function isContested(object: KernelObject): boolean {
  if (object.kind === 'route') return object.via !== undefined;
  if (object.kind !== 'nft-element') return false;
  return isMark(object.set) || ['group_gateway', 'uplink_arp_source'].includes(object.set);
}

function isMark(set: string): boolean {
  return /_mark[46]$/.test(set);
}
