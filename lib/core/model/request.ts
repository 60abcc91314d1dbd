import type { Address, Prefix } from './address.ts';
import type { Ifname } from './ifname.ts';
import type { Mac } from './mac.ts';
import type { MacPrefix } from './policy.ts';

export type NicMode = 'routed' | 'bridged' | 'openvswitch';
export const NIC_MODES: readonly NicMode[] = ['routed', 'bridged', 'openvswitch'];

/** What somebody said about one NIC, parsed; every source ends in this shape, and records keep it. */
export interface NicRequest {
  readonly ifname: Ifname;
  readonly mode: NicMode;
  readonly instance?: string;
  readonly mac?: Mac;
  /** As given; an IPv6 address made from the MAC is added later, when the network is known. */
  readonly addresses: readonly Address[];
  /** A bridge, or the name or number of a routing table. */
  readonly link?: string;
  readonly vlan?: string;
  readonly tags: readonly string[];
  readonly nic?: NicIdentity;
  readonly network: NetworkFacts;
  /**
   * `arriving`: on the target of a live migration, while the guest still runs on the source; a routed NIC has all but
   * its routes and proxies then, which would take the guest's traffic from where it is. Absent once it is here.
   */
  readonly phase?: NicPhase;
}

export type NicPhase = 'arriving';
export const NIC_PHASES: readonly NicPhase[] = ['arriving'];

/** What a cluster tells the NICs of one instance apart by; tags of the instance select NICs with it. */
export interface NicIdentity {
  /** From 0. */
  readonly index?: number;
  readonly name?: string;
  readonly uuid?: string;
}

/** What the cluster exports of a NIC's network; for addresses it wins over the configuration. */
export interface NetworkFacts {
  readonly name?: string;
  readonly uuid?: string;
  readonly subnet?: Prefix;
  readonly gateway?: Address;
  readonly subnet6?: Prefix;
  readonly gateway6?: Address;
  readonly macPrefix?: MacPrefix;
  readonly tags?: readonly string[];
}
