import type { HostRecord } from './host-record.ts';
import type { Ifname } from './ifname.ts';
import type { Link } from './link.ts';
import type { LinkAddress, LinkSetting, Route, Rule, Sysctl } from './object.ts';
import type { OvsBridge } from './ovs-bridge.ts';
import type { OvsPort } from './ovs-port.ts';

/** What stood before a change of the host's own links, and all that is needed to have it again without the file. */
export interface HostSnapshot {
  readonly version: 1;
  /** What the kernel had of all that the change decides about. */
  readonly was: readonly Snapped[];
  /** Keys of what the change wants: what of it was not there is vmnet's to remove. */
  readonly wanted: readonly string[];
  /** Links that either is on. */
  readonly names: readonly Ifname[];
  /** The host's record as it was. */
  readonly record?: HostRecord;
  /** The links of that record which were the very links that it is about. */
  readonly live: readonly Ifname[];
  /** What systemd-networkd had been told of VRFs. */
  readonly networkd?: readonly NetworkdFile[];
}

export interface NetworkdFile {
  readonly path: string;
  readonly lines: readonly string[];
}

export type Snapped = Link | LinkSetting | LinkAddress | Route | Rule | Sysctl | OvsBridge | OvsPort;
