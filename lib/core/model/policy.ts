import type { Prefix } from './address.ts';
import type { Mac } from './mac.ts';

/** `full`: MAC and addresses; `mac`: the MAC alone; `none`: whatever the guest likes. */
export type FilterLevel = 'full' | 'mac' | 'none';
export const FILTER_LEVELS: readonly FilterLevel[] = ['full', 'mac', 'none'];

/** Of a family that nobody has named an address for. */
export const UNKNOWN_FAMILY = ['drop', 'allow'] as const;

export const LINK_LOCAL_LEVELS = ['eui64', 'any'] as const;

/** What a NIC may send and be sent, and how its bridge port behaves: its network's section, then its instance's tags. */
export interface Policy {
  readonly filter: FilterLevel;
  /** Of a family that nobody has named an address for: a bridged NIC whose IPv6 the cluster does not know. */
  readonly unknownFamily: (typeof UNKNOWN_FAMILY)[number];
  /** `any` for guests that make their link-local address from a secret; never the router's. */
  readonly linkLocal: (typeof LINK_LOCAL_LEVELS)[number];
  /** Virtual addresses and prefixes that the guest may use beside its own. */
  readonly allowed: readonly Prefix[];
  /** A private network among others on one bridge: only MACs that agree under the mask hear each other. */
  readonly macPrefix?: MacPrefix;
  /** No frames to and from other isolated ports. */
  readonly isolated: boolean;
  readonly hairpin: boolean;
  /** Unknown unicast is sent to this port. */
  readonly flood: boolean;
  /** The bridge learns MACs from this port; off, it has one static entry and refuses any other. */
  readonly learning: boolean;
  /** A firewall profile, by the name of its file. */
  readonly firewall?: string;
  /** Who may open connections to the guest, where its profile asks for that. */
  readonly whitelist: readonly Prefix[];
  /** What the guest may reach on the host itself. */
  readonly hostServices: readonly HostService[];
}

/** The MACs that agree with `mac` where the mask has ones: they come first, so the MACs are a range. */
export interface MacPrefix {
  /** The first of them. */
  readonly mac: Mac;
  readonly mask: Mac;
}

/** A port of the host: `dhcp` is udp 67 for IPv4 and udp 547 for IPv6. */
export interface HostService {
  readonly protocol: 'tcp' | 'udp';
  readonly port: number;
}

/** Where nobody said anything. */
export const DEFAULT_POLICY: Policy = {
  filter: 'full',
  unknownFamily: 'drop',
  linkLocal: 'eui64',
  allowed: [],
  isolated: false,
  hairpin: false,
  flood: true,
  learning: true,
  whitelist: [],
  hostServices: [],
};
