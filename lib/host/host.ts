import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { announcementFrames } from '../core/announce/frames.ts';
import type { Ifname } from '../core/model/ifname.ts';
import type { Host } from '../run/ports.ts';
import { sendFrames } from './announce.ts';
import { exchange, type IpSessions } from './exchange.ts';
import { openIp } from './iproute2.ts';
import { acquire } from './lock.ts';
import { deleteRecord, listRecords, readRecord, writeRecord } from './records.ts';

/** A VM's start waits for another one's at most this long. */
const LOCK_TIMEOUT_MS = 30_000;
/** Seconds after the first round: a switch or a guest that was not listening yet hears it then. */
const ANNOUNCE_AGAIN = [1, 3];

/** A host with processes of its own, which end with `close`. */
export interface OpenHost extends Host {
  close(): void;
}

/** The real machine, with its records and locks below `stateDir`. */
export function createHost(stateDir: string): OpenHost {
  let sessions: IpSessions | undefined;
  const ip = (): IpSessions => {
    sessions ??= { four: openIp(4), six: openIp(6) };
    return sessions;
  };
  return {
    exchange: (batches, query) => exchange(ip, batches, query),
    close: () => {
      sessions?.four.close();
      sessions?.six.close();
      sessions = undefined;
    },
    ifindex,
    lock: (name, mode, timeoutMs = LOCK_TIMEOUT_MS) => acquire(join(stateDir, 'lock'), name, mode, timeoutMs),
    records: {
      read: ifname => readRecord(stateDir, ifname),
      write: record => writeRecord(stateDir, record),
      remove: ifname => deleteRecord(stateDir, ifname),
      list: () => listRecords(stateDir),
    },
    announce: async announcements => {
      const frames = announcements.flatMap(one =>
        announcementFrames(one).map(frame => ({ dev: one.dev, frame })),
      );
      if (frames.length > 0) await sendFrames(frames, ANNOUNCE_AGAIN);
    },
    now: () => new Date().toISOString(),
  };
}

function ifindex(ifname: Ifname): number | undefined {
  try {
    return Number(readFileSync(`/sys/class/net/${ifname}/ifindex`, 'utf8'));
  } catch {
    return undefined;
  }
}
