import { sharedText } from '../core/desired/network.ts';
import { VmnetError } from '../core/errors.ts';
import { type Ifname, parseIfname } from '../core/model/ifname.ts';
import type { Nic } from '../core/model/network.ts';
import type { NicRecord } from '../core/model/record.ts';
import type { Context } from './ports.ts';
import { nicOfRecord } from './recorded.ts';

export function isAlive(context: Context, record: NicRecord): boolean {
  return context.host.ifindex(record.request.ifname) === record.ifindex;
}

/**
 * NICs other than these, one of each network and mode. Asked about those whose may go, it stops reading records when it
 * has met the like of them all: a thousand records take longer than all else that a detach does.
 */
export function livingNics(
  context: Context,
  except: readonly Ifname[],
  leaving: readonly Nic[],
): readonly Nic[] {
  const found = new Map<string, Nic>();
  const asked = leaving.map(sharedText);
  for (const record of context.host.records.iterate()) {
    if (record instanceof VmnetError) {
      // Its NIC may need any of them.
      if (livingTapOf(context, record) !== undefined) return leaving;
      continue;
    }
    if (except.includes(record.request.ifname) || !isAlive(context, record)) continue;
    const nic = nicOfRecord(record);
    found.set(sharedText(nic), nic);
    if (asked.every(text => found.has(text))) break;
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

/** Returns why those that are still there could not be removed. */
export function removeRecords(context: Context, taps: readonly Ifname[]): readonly VmnetError[] {
  return taps.flatMap(tap => {
    try {
      context.host.records.remove(tap);
      return [];
    } catch (thrown) {
      if (thrown instanceof VmnetError) return [thrown];
      throw thrown;
    }
  });
}
