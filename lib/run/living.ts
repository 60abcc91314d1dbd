import type { Ifname } from '../core/model/ifname.ts';
import type { Network } from '../core/model/network.ts';
import type { NicRecord } from '../core/model/record.ts';
import type { Context } from './ports.ts';

/** Records whose link still is the link that they were written about, without these taps. */
export function livingRecords(context: Context, except: readonly Ifname[] = []): readonly NicRecord[] {
  return context.host.records
    .list()
    .records.filter(record => !except.includes(record.request.ifname) && isAlive(context, record));
}

export function isAlive(context: Context, record: NicRecord): boolean {
  return context.host.ifindex(record.request.ifname) === record.ifindex;
}

export function livingNetworks(context: Context, except: readonly Ifname[]): readonly Network[] {
  return livingRecords(context, except).flatMap(record => record.network ?? []);
}
