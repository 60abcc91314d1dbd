import type { Announcement } from '../core/announce/frames.ts';
import type { Probe, Probed } from '../core/announce/probe.ts';
import type { VmnetError } from '../core/errors.ts';
import type { Config } from '../core/model/config.ts';
import type { HostRecord } from '../core/model/host-record.ts';
import type { Ifname } from '../core/model/ifname.ts';
import type { NicRecord } from '../core/model/record.ts';
import type { Observed, Query } from '../core/observed/query.ts';
import type { Batch } from '../core/plan/render.ts';

/** Of a tap, of what the host's NICs share, and of what systemd-networkd is told; no tap is called so. */
export type LockName = Ifname | 'host' | '-networkd';

/** The machine, as far as vmnet touches it. lib/host has the real one, the tests have one in memory. */
export interface Host {
  /**
   * Runs the batches in order, stops at the first that fails (with a `kernel` error that names the step), and reads
   * the kernel back. Without batches it only reads. What to read may be found out while the first batch is at work.
   */
  exchange(batches: readonly Batch[], query: Query | (() => Query)): Promise<Observed>;
  /** Index of a link, or undefined when there is none of this name. */
  ifindex(ifname: Ifname): number | undefined;
  /** Waits for a lock that dies with this process; a `busy` error when it does not come in time. */
  lock(name: LockName, mode: 'shared' | 'exclusive', timeoutMs?: number): Held;
  readonly records: Records;
  readonly hostRecord: HostRecords;
  /** Sends the frames now, and again later without keeping the caller. */
  announce(announcements: readonly Announcement[]): Promise<void>;
  /** Asks on the segments who has these addresses; what links of this machine answer is left out. */
  probe(probes: readonly Probe[]): Promise<Probed>;
  /** ISO 8601, UTC. */
  now(): string;
}

export interface Held {
  release(): void;
}

export interface Records {
  read(ifname: Ifname): NicRecord | undefined;
  write(record: NicRecord): void;
  remove(ifname: Ifname): void;
  /** Removes what writers have left that were killed. */
  tidy(): void;
  /** One after the other, as far as somebody asks; an error for a file that is none. */
  iterate(): Iterable<NicRecord | VmnetError>;
  list(): { readonly records: readonly NicRecord[]; readonly broken: readonly VmnetError[] };
}

/** The one record of the host's own links. */
export interface HostRecords {
  read(): HostRecord | undefined;
  write(record: HostRecord): void;
  remove(): void;
}

/** Told of what happens while it happens; the printers and the log are behind it. */
export type Reporter = (level: 'error' | 'warn' | 'info' | 'debug', text: string) => void;

/** What every verb works on. */
export interface Context {
  readonly host: Host;
  readonly config: Config;
  readonly rtTables: ReadonlyMap<string, number>;
  readonly report: Reporter;
}
