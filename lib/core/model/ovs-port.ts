import type { Ifname } from './ifname.ts';

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
  /** What Open vSwitch says of it that is not as it should be. */
  readonly error?: string;
}

export function ovsPortText({ bridge, vlanMode, tag, trunks, isolated, madeFor, error }: OvsPort): string {
  return [
    `bridge ${bridge}`,
    ...(vlanMode === undefined ? [] : [vlanMode]),
    ...(tag === undefined ? [] : [`tag ${tag}`]),
    ...(trunks.length === 0 ? [] : [`trunks ${trunks.join(',')}`]),
    ...(isolated ? ['protected'] : []),
    madeFor === undefined ? "not vmnet's" : `for link ${madeFor}`,
    ...(error === undefined ? [] : [`error ${error}`]),
  ].join(' ');
}
