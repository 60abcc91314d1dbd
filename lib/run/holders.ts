import { formatError, VmnetError } from '../core/errors.ts';
import type { Address } from '../core/model/address.ts';
import { isHostRoute } from '../core/model/identity.ts';
import { type Ifname, parseIfname } from '../core/model/ifname.ts';
import type { Nic } from '../core/model/network.ts';
import type { NicRecord } from '../core/model/record.ts';
import type { Observed } from '../core/observed/query.ts';
import type { Change } from './goal.ts';
import { isAlive } from './living.ts';
import type { Context } from './ports.ts';
import { nicOfRecord } from './recorded.ts';

/**
 * Other taps that the kernel has down as holding an address of this NIC. One that lives is an error that says whose it
 * is; one whose link is gone, or is another link of the same name by now, is returned to be collected along the way.
 */
export function collectHolders(context: Context, nic: Nic, observed: Observed): readonly Change[] {
  if (nic.mode !== 'routed') return [];
  const tables = new Set(nic.network.families.map(entry => entry.table));
  const dead = nic.addresses.flatMap(address =>
    [...holdersOf(address, tables, observed), ...recordedHolders(context, address, tables, observed)]
      .filter(tap => tap !== nic.request.ifname)
      .map(tap => deadHolder(context, tap, address.text, nic)),
  );
  // One that is gone may have held several of them.
  return [...new Map(dead.map(change => [change.tap, change])).values()];
}

function holdersOf(address: Address, tables: ReadonlySet<number>, observed: Observed): readonly string[] {
  return observed.objects.flatMap(object =>
    object.kind === 'route' &&
    object.dev !== undefined &&
    isHostRoute(object) &&
    object.prefix.address === address.text &&
    tables.has(object.table)
      ? [object.dev]
      : [],
  );
}

/**
 * A link takes its routes along when it goes, and leaves the proxy entry on the uplink: only then are the records gone
 * through, which at a thousand NICs takes longer than all the rest.
 */
function recordedHolders(
  context: Context,
  address: Address,
  tables: ReadonlySet<number>,
  observed: Observed,
): readonly string[] {
  const left = observed.objects.some(
    object => object.kind === 'proxy-neighbour' && object.address.text === address.text,
  );
  if (!left || holdersOf(address, tables, observed).length > 0) return [];
  const holders: string[] = [];
  for (const record of context.host.records.iterate()) {
    if (record instanceof VmnetError || isAlive(context, record)) continue;
    const nic = nicOfRecord(record);
    if (nic.mode === 'routed' && nic.addresses.some(one => one.text === address.text))
      holders.push(record.request.ifname);
  }
  return holders;
}

function deadHolder(context: Context, name: string, address: string, nic: Nic): Change {
  const tap: Ifname = parseIfname(name, 'holder of the address');
  const index = context.host.ifindex(tap);
  const record = soundRecord(context, tap);
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

/** One that cannot be read is another NIC's to mend; its link tells whether it lives. */
function soundRecord(context: Context, tap: Ifname): NicRecord | undefined {
  try {
    return context.host.records.read(tap);
  } catch (thrown) {
    if (!(thrown instanceof VmnetError) || thrown.exit !== 'record') throw thrown;
    context.report('warn', formatError(thrown));
    return undefined;
  }
}
