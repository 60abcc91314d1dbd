import { VmnetError } from '../core/errors.ts';
import { type Ifname, parseIfname } from '../core/model/ifname.ts';
import type { Network } from '../core/model/network.ts';
import type { NicRecord } from '../core/model/record.ts';
import type { Context } from './ports.ts';

export function isAlive(context: Context, record: NicRecord): boolean {
  return context.host.ifindex(record.request.ifname) === record.ifindex;
}

/**
 * Which networks NICs other than these need. Asked about networks that may go, it stops reading records when it has met
 * them all: a thousand records take longer than all else that a detach does.
 */
export function livingNetworks(
  context: Context,
  except: readonly Ifname[],
  leaving: readonly Network[],
): readonly Network[] {
  const found = new Map<string, Network>();
  const asked = leaving.map(network => JSON.stringify(network));
  for (const record of context.host.records.iterate()) {
    if (record instanceof VmnetError) {
      // Its NIC may need any of them.
      if (livingTapOf(context, record) !== undefined) return leaving;
      continue;
    }
    if (record.network === undefined || except.includes(record.request.ifname) || !isAlive(context, record))
      continue;
    found.set(JSON.stringify(record.network), record.network);
    if (asked.every(network => found.has(network))) break;
  }
  return [...found.values()];
}

/** The tap that a file which is no record is named for, if there is such a link: it may well be a NIC. */
export function livingTapOf(context: Context, broken: VmnetError): Ifname | undefined {
  const name = tapOf(broken);
  return name === undefined || context.host.ifindex(name) === undefined ? undefined : name;
}

export function tapOf(broken: VmnetError): Ifname | undefined {
  const name = /([^/]+)\.json$/.exec(broken.where ?? '')?.[1];
  try {
    return parseIfname(name ?? '', 'record');
  } catch {
    return undefined;
  }
}
