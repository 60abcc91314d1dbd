import { VmnetError } from '../core/errors.ts';
import { isHostRoute } from '../core/model/identity.ts';
import { type Ifname, parseIfname } from '../core/model/ifname.ts';
import type { Nic } from '../core/model/network.ts';
import type { Observed } from '../core/observed/query.ts';
import type { Change } from './goal.ts';
import type { Context } from './ports.ts';

/**
 * Other taps that the kernel has down as holding an address of this NIC. One that lives is an error that says whose it
 * is; one whose link is gone, or is another link of the same name by now, is returned to be collected along the way.
 */
export function collectHolders(context: Context, nic: Nic, observed: Observed): readonly Change[] {
  if (nic.mode !== 'routed') return [];
  const tables = new Set(nic.network.families.map(entry => entry.table));
  const dead = nic.addresses.flatMap(address =>
    holdersOf(address.text, tables, observed)
      .filter(tap => tap !== nic.request.ifname)
      .map(tap => deadHolder(context, tap, address.text, nic)),
  );
  // One that is gone may have held several of them.
  return [...new Map(dead.map(change => [change.tap, change])).values()];
}

function holdersOf(address: string, tables: ReadonlySet<number>, observed: Observed): readonly string[] {
  const taps = observed.objects.flatMap(object => {
    if (object.kind === 'nft-element' && object.set.startsWith('tap_source') && object.key[1] === address)
      return [object.key[0] ?? ''];
    if (
      object.kind === 'route' &&
      isHostRoute(object) &&
      object.prefix.address === address &&
      tables.has(object.table)
    ) {
      return [object.dev ?? ''];
    }
    return [];
  });
  return [...new Set(taps)].filter(tap => tap !== '');
}

function deadHolder(context: Context, name: string, address: string, nic: Nic): Change {
  const tap: Ifname = parseIfname(name, 'holder of the address');
  const index = context.host.ifindex(tap);
  const record = context.host.records.read(tap);
  const alive = index !== undefined && (record === undefined || record.ifindex === index);
  if (alive) {
    const owner = record?.request.instance === undefined ? tap : `${tap} (${record.request.instance})`;
    throw new VmnetError('request', `${address} belongs to ${owner}, which is up`, {
      where: nic.request.ifname,
      hint: `give another address, or vmnet detach ${tap} first`,
    });
  }
  return { tap, ...(record === undefined ? {} : { record }) };
}
