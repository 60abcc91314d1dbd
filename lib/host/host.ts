import { readFileSync } from 'node:fs';
import { announcementFrames } from '../core/announce/frames.ts';
import type { Ifname } from '../core/model/ifname.ts';
import type { Host } from '../run/ports.ts';
import { startAnnouncer } from './announce.ts';
import { exchange } from './exchange.ts';
import { probe } from './probe.ts';
import {
  deleteRecord,
  hostRecords,
  iterateRecords,
  listRecords,
  readRecord,
  writeRecord,
} from './records.ts';
import {
  ANNOUNCE_AGAIN,
  closeSessions,
  LOCK_TIMEOUT_MS,
  lockKey,
  lockNow,
  type Started,
  take,
} from './start.ts';

/** A host with processes of its own, which end with `close`. */
export interface OpenHost extends Host {
  close(): void;
}

/** The real machine, with its records and locks below `stateDir`. */
export function createHost(stateDir: string, started: Started = { stateDir, locks: new Map() }): OpenHost {
  return {
    exchange: (batches, query) => exchange(started, batches, query),
    close: () => close(started),
    ifindex,
    lock: (name, mode, timeoutMs = LOCK_TIMEOUT_MS) => {
      const key = lockKey(name, mode);
      if (mode === 'exclusive' && timeoutMs > 0) giveUpShared(started, name);
      const held = started.locks.get(key) ?? lockNow(stateDir, name, mode, timeoutMs);
      started.locks.delete(key);
      return held;
    },
    records: {
      read: ifname => readRecord(stateDir, ifname),
      write: record => writeRecord(stateDir, record),
      remove: ifname => deleteRecord(stateDir, ifname),
      iterate: () => iterateRecords(stateDir),
      list: () => listRecords(stateDir),
    },
    hostRecord: hostRecords(stateDir),
    announce: async announcements => {
      const frames = announcements.flatMap(one =>
        announcementFrames(one).map(frame => ({ dev: one.dev, tap: one.tap, frame })),
      );
      if (frames.length === 0) return;
      await (take(started, 'announcer') ?? startAnnouncer(ANNOUNCE_AGAIN)).send(frames);
    },
    probe,
    now: () => new Date().toISOString(),
  };
}

/** Who waits for a lock that it holds shared waits for itself; and without it, what was read meanwhile may not hold. */
function giveUpShared(started: Started, name: Ifname | 'host'): void {
  const key = lockKey(name, 'shared');
  const shared = started.locks.get(key);
  if (shared === undefined) return;
  shared.release();
  started.locks.delete(key);
  take(started, 'filter');
}

function close(started: Started): void {
  for (const held of started.locks.values()) held.release();
  started.locks.clear();
  closeSessions(started);
  take(started, 'announcer')?.close();
}

function ifindex(ifname: Ifname): number | undefined {
  try {
    return Number(readFileSync(`/sys/class/net/${ifname}/ifindex`, 'utf8'));
  } catch {
    return undefined;
  }
}
