import { readFileSync } from 'node:fs';
import { announcementFrames } from '../core/announce/frames.ts';
import type { Ifname } from '../core/model/ifname.ts';
import type { Host, LockName } from '../run/ports.ts';
import { startAnnouncer } from './announce.ts';
import { exchange } from './exchange.ts';
import { probe } from './probe.ts';
import {
  deleteRecord,
  hostRecords,
  iterateRecords,
  listRecords,
  readRecord,
  removeTemporaries,
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
    exchange: (batches, query) =>
      exchange(started, batches, typeof query === 'function' ? query : () => query),
    close: () => close(started),
    ifindex,
    lock: (name, mode, timeoutMs = LOCK_TIMEOUT_MS) => {
      const key = lockKey(name, mode);
      const held = started.locks.get(key);
      started.locks.delete(key);
      if (held !== undefined) return held;
      if (mode === 'exclusive' && timeoutMs > 0) forget(started, name);
      return lockNow(stateDir, name, mode, timeoutMs);
    },
    records: {
      read: ifname => readRecord(stateDir, ifname),
      write: record => writeRecord(stateDir, record),
      remove: ifname => deleteRecord(stateDir, ifname),
      tidy: () => removeTemporaries(stateDir),
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

/**
 * Who waits for a lock that it holds shared waits for itself. And while it waits others make links anew: what was read
 * does not hold any more, nor do the indexes that `ip` remembers.
 */
function forget(started: Started, name: LockName): void {
  const key = lockKey(name, 'shared');
  started.locks.get(key)?.release();
  started.locks.delete(key);
  take(started, 'filter');
  closeSessions(started);
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
