import { join } from 'node:path';
import { VmnetError } from '../core/errors.ts';
import type { Ifname } from '../core/model/ifname.ts';
import type { KernelObject } from '../core/model/object.ts';
import { type NftQuery, nftQueriesOf } from '../core/observed/query.ts';
import type { LockName } from '../run/ports.ts';
import type { Announcer } from './announce.ts';
import { type IpSession, openIp } from './iproute2.ts';
import { acquire, type Held, type LockMode } from './lock.ts';
import { type NftSession, openNft } from './nftables.ts';

/** The two `ip` processes of a run: IPv4 and what tells its family itself, and what needs -6. */
export interface IpSessions {
  readonly four: IpSession;
  readonly six: IpSession;
}

/**
 * What a run has begun before it knows what it is to do: the locks of its NIC, `ip` waiting for questions, and the
 * filter on its way. It is handed out once, to whoever asks for it first.
 */
export interface Started {
  readonly stateDir: string;
  readonly locks: Map<string, Held>;
  ip?: IpSessions;
  bridge?: IpSession;
  nft?: NftSession;
  filter?: Early;
  /** Whether a NIC comes up: then what it will need next starts while the kernel is being read. */
  readonly up?: boolean;
  announcer?: Announcer;
}

/** What was asked before anybody knew what would be wanted to know. */
export interface Early {
  readonly queries: readonly NftQuery[];
  readonly objects: Promise<readonly KernelObject[]>;
}

/** Seconds after the first round: a switch or a guest that was not listening yet hears it then. */
export const ANNOUNCE_AGAIN = [1, 3];

/** A VM's start waits for another one's at most this long. */
export const LOCK_TIMEOUT_MS = 30_000;

/** Starts reading while the rest of the program is still being loaded; under the locks, so that what is read holds. */
export function startNicRun(stateDir: string, tap: Ifname, up: boolean): Started {
  const locks = new Map([[lockKey(tap, 'exclusive'), lockNow(stateDir, tap, 'exclusive', LOCK_TIMEOUT_MS)]]);
  const [mode, host] = hostLock(stateDir);
  locks.set(lockKey('host', mode), host);
  return { ...startReading(stateDir, [tap]), locks, up };
}

/** The same for who changes nothing, and so needs no locks. */
export function startReading(stateDir: string, taps: readonly Ifname[]): Started {
  const nft = openNft(stateDir);
  const queries = nftQueriesOf(taps);
  const objects = nft.read(queries, new Set(taps));
  // It may fail before anybody waits for it; who does is told.
  objects.catch(() => undefined);
  return { stateDir, locks: new Map(), nft, filter: { queries, objects }, ip: openSessions() };
}

export function openSessions(): IpSessions {
  return { four: openIp(4), six: openIp(6) };
}

export function closeSessions(started: Started): void {
  started.bridge?.close();
  delete started.bridge;
  started.nft?.close();
  delete started.nft;
  started.ip?.four.close();
  started.ip?.six.close();
  delete started.ip;
}

export function lockKey(name: string, mode: LockMode): string {
  return `${name} ${mode}`;
}

export function lockNow(stateDir: string, name: LockName, mode: LockMode, timeoutMs: number): Held {
  return acquire(join(stateDir, 'lock'), name, mode, timeoutMs);
}

function hostLock(stateDir: string): readonly [LockMode, Held] {
  try {
    return ['exclusive', lockNow(stateDir, 'host', 'exclusive', 0)];
  } catch (thrown) {
    if (!(thrown instanceof VmnetError) || thrown.exit !== 'busy') throw thrown;
    return ['shared', lockNow(stateDir, 'host', 'shared', LOCK_TIMEOUT_MS)];
  }
}

/** Hands out what was started, once. */
export function take<K extends 'filter' | 'announcer'>(started: Started, name: K): Started[K] {
  const taken = started[name];
  delete started[name];
  return taken;
}
