import type { Ifname } from './ifname.ts';

/** `external_ids:vmnet` of what the host's own sections made; of a tap's port, the index of its link. */
export const OF_HOST = 'host';

/** A port of a bridge of Open vSwitch, as its database has it; all but the bridge and the mark as `ovs-vsctl` writes them. */
export interface OvsPort {
  readonly kind: 'ovs-port';
  readonly ifname: Ifname;
  readonly bridge: string;
  readonly vlanMode?: string;
  readonly tag?: number;
  readonly trunks: readonly number[];
  /** Of frames to and from other such ports: none. */
  readonly isolated: boolean;
  /** `external_ids:vmnet`: the port is ours, and was made for the link with this index. */
  readonly madeFor?: number;
  /** The same, `host`: a section of the host's own side made it. */
  readonly ofHost?: true;
  /** What Open vSwitch says of it that is not as it should be. */
  readonly error?: string;
}

export function ovsPortText(port: OvsPort): string {
  const { bridge, vlanMode, tag, trunks, isolated, madeFor, ofHost, error } = port;
  const owner = madeFor === undefined ? "not vmnet's" : `for link ${madeFor}`;
  return [
    `bridge ${bridge}`,
    ...(vlanMode === undefined ? [] : [vlanMode]),
    ...(tag === undefined ? [] : [`tag ${tag}`]),
    ...(trunks.length === 0 ? [] : [`trunks ${trunks.join(',')}`]),
    ...(isolated ? ['protected'] : []),
    ofHost ? 'of the host' : owner,
    ...(error === undefined ? [] : [`error ${error}`]),
  ].join(' ');
}

/** Whether an uplink that somebody else added does what a section wants: in the mode that Open vSwitch gives one without. */
export function fitsUplink(wanted: OvsPort, was: OvsPort): boolean {
  const vlanMode = was.vlanMode ?? (was.tag === undefined ? 'trunk' : 'access');
  const { madeFor: _, ...rest } = was;
  return ovsPortText({ ...rest, vlanMode, ofHost: true }) === ovsPortText(wanted);
}
