import type { Address, Family, Prefix } from './address.ts';
import type { Ifname } from './ifname.ts';
import type { Policy } from './policy.ts';
import type { NicRequest } from './request.ts';
import type { PortVlans } from './vlan.ts';

/** A network on this node with everything known: configuration, what the cluster said, and the kernel's tables. */
export interface Network {
  readonly name: string;
  /** Link group of its taps: ties a tap to the network's mark and gateway in one nft lookup. */
  readonly group: number;
  readonly hostAccess: boolean;
  /** Its uplink and its taps are ports of this VRF, which looks up its table; without one, marks do that. */
  readonly vrf?: Ifname;
  readonly families: readonly NetworkFamily[];
}

/** One address family of a network; the table's number is also the packet mark. */
export interface NetworkFamily {
  readonly family: Family;
  readonly table: number;
  readonly uplink: Ifname;
  readonly subnet?: Prefix;
  readonly gateway?: Address;
  /** Sender address of the host's own ARP requests on the uplink; IPv4 only. */
  readonly arpSource?: Address;
  /** The uplink came from the configuration, so the table's subnet and default route are vmnet's to make. */
  readonly skeleton: boolean;
}

/** A request with all that is to be looked up looked up. */
export type Nic = RoutedNic | BridgedNic;

export interface RoutedNic {
  readonly mode: 'routed';
  readonly request: NicRequest;
  /** With the EUI-64 one, if the network has IPv6 and none was given. */
  readonly addresses: readonly Address[];
  readonly network: Network;
  readonly policy: Policy;
}

/** A port of a bridge, of the kernel's own or of Open vSwitch. */
export interface BridgedNic {
  readonly mode: 'bridged' | 'openvswitch';
  readonly request: NicRequest;
  /** Those that are known, perhaps none. */
  readonly addresses: readonly Address[];
  /** The routers of its network, as far as anybody has said. */
  readonly gateways: readonly Address[];
  readonly policy: Policy;
  /** The name of its network, where it has one. */
  readonly network?: string;
  readonly bridge: Ifname;
  /** Without them the NIC is in the bridge's own. */
  readonly vlans?: PortVlans;
  /** Other ports of the bridge that must be in the same VLANs. */
  readonly vlanUplinks?: readonly Ifname[];
}

export const MAIN_TABLE = 254;
export const LOCAL_TABLE = 255;

/** Worse than any route that somebody would make: a table that loses its routes must not fall through to main. */
export const LAST_RESORT_METRIC = 4_278_198_272;

/** 253 default, 254 main, 255 local: tables that the kernel's own rules look up. */
export function isKernelTable(table: number): boolean {
  return table >= 253 && table <= 255;
}
