import { filterOfNetwork } from '../core/desired/filter.ts';
import { VmnetError } from '../core/errors.ts';
import { byKey, contentOf, keyOf, type NftElement } from '../core/model/object.ts';
import type { Step } from '../core/plan/plan.ts';
import type { Prepared } from './converge.ts';
import { isAlive } from './living.ts';
import type { Context } from './ports.ts';

/**
 * One uplink and one link group have one mark each. Sections of the configuration agree about them, but a NIC whose link
 * names a table, or a record older than the configuration, may not: the mark would be taken from a living NIC.
 */
export function refuseTakenMarks(context: Context, { goal, plan }: Prepared): void {
  const marks = plan.steps.flatMap(markOf);
  if (marks.length === 0) return;
  const taps = goal.changes.map(change => change.tap);
  for (const record of context.host.records.iterate()) {
    if (record instanceof VmnetError || record.network === undefined) continue;
    const tap = record.request.ifname;
    if (taps.includes(tap) || !isAlive(context, record)) continue;
    const needed = byKey(filterOfNetwork(record.network));
    for (const mark of marks) {
      const other = needed.get(keyOf(mark));
      if (other === undefined || contentOf(other) === contentOf(mark)) continue;
      const [name] = mark.key;
      throw new VmnetError('config', `${describe(mark)} ${name} has table ${contentOf(other)} for ${tap}`, {
        where: taps[0] ?? '',
        hint: `table ${contentOf(mark)} needs another; if the configuration has changed, vmnet repair first`,
      });
    }
  }
}

function markOf({ op, object }: Step): NftElement[] {
  return op !== 'delete' && object.kind === 'nft-element' && /_mark[46]$/.test(object.set) ? [object] : [];
}

function describe(mark: NftElement): string {
  return mark.set.startsWith('uplink') ? 'uplink' : 'link group';
}
