import type { VmnetError } from '../errors.ts';
import type { Address, Prefix } from './address.ts';
import type { Ifname } from './ifname.ts';
import type { Mac } from './mac.ts';
import type { HostService, MacPrefix, Policy } from './policy.ts';
import type { NicMode } from './request.ts';

/** /etc/vmnet/vmnet.ini and conf.d/*.ini, typed. Sections keep where they were said, for error messages. */
export interface Config {
  readonly settings: Settings;
  readonly networks: readonly NetworkSection[];
  readonly bonds: readonly BondSection[];
  readonly vlans: readonly VlanSection[];
  readonly bridges: readonly BridgeSection[];
  readonly vrfs: readonly VrfSection[];
  readonly switches: readonly OvsSection[];
}

/** [vmnet] */
export interface Settings {
  /** The MAC of every routed tap, the same on each node, so that a migrated guest keeps its router. */
  readonly tapMac: Mac;
  /** rt_protos number on the routes of VMs; route daemons pick them up by it. */
  readonly routeProtocol: number;
  /** The first of the ten rule preferences that are vmnet's. */
  readonly rulePreference: number;
  /** `subnet`: per network, its source addresses never leave by main. `strict`: main routes for the host only. */
  readonly guard: 'subnet' | 'strict';
  /** An absolute path; absent when nothing is logged to a file. */
  readonly logFile?: string;
  /** The files of firewall.d. */
  readonly profiles: readonly FirewallProfile[];
}

/** What a network says of the `Policy` of its NICs, and what a NIC's tags say of it. */
export interface PolicyKeys {
  readonly filter?: Policy['filter'];
  readonly filterUnknownFamily?: Policy['unknownFamily'];
  readonly linkLocal?: Policy['linkLocal'];
  readonly allowedAddresses?: readonly Prefix[];
  readonly macPrefix?: MacPrefix;
  readonly isolated?: boolean;
  readonly hairpin?: boolean;
  readonly flood?: boolean;
  readonly learning?: boolean;
  readonly firewall?: string;
  readonly whitelist?: readonly Prefix[];
  readonly hostServices?: readonly HostService[];
}

/** [network NAME] */
export interface NetworkSection extends PolicyKeys {
  readonly name: string;
  /** `FILE:LINE` of the section's head. */
  readonly where: string;
  readonly mode?: NicMode;
  readonly link?: string;
  readonly table?: string;
  readonly table6?: string;
  readonly uplink?: Ifname;
  readonly uplink6?: Ifname;
  readonly group?: number;
  readonly subnet?: Prefix;
  readonly gateway?: Address;
  readonly subnet6?: Prefix;
  readonly gateway6?: Address;
  readonly arpSource?: Address;
  /** Ports of the bridge that get the VLANs of its NICs. */
  readonly vlanUplinks?: readonly Ifname[];
  readonly hostAccess: boolean;
  /** How packets find its table: `mark` by rules for marked packets, `vrf` by the [vrf] of the same table. Absent is mark. */
  readonly domain?: 'mark' | 'vrf';
  /** Whether an address is asked for on the segment before an instance may have it; absent is yes. */
  readonly probe?: boolean;
}

/** A file of firewall.d: rules in nft's syntax, one a line. */
export interface FirewallProfile {
  readonly name: string;
  /** The path of the file. */
  readonly path: string;
  readonly rules: readonly { readonly text: string; readonly line: number }[];
  /** Why it cannot be read: an error for who asks for it, and for nobody else. */
  readonly broken?: VmnetError;
}

/** What the sections of the host's own links have in common. */
export interface HostSection {
  readonly name: Ifname;
  readonly where: string;
  /** `FILE:LINE` of each key that is there. */
  readonly places: Readonly<Record<string, string>>;
  readonly addresses: readonly HostAddress[];
  readonly gateway?: Address;
  readonly gateway6?: Address;
  readonly routes: readonly HostRoute[];
  readonly mtu?: number;
}

/** Where a key of a section was said, or the section when it was not. */
export function placeOf(section: HostSection, key: string): string {
  return section.places[key] ?? section.where;
}

/** An address of the host with the length of its subnet. */
export interface HostAddress {
  readonly address: Address;
  readonly length: number;
}

/** `PREFIX [via ADDRESS] [metric NUMBER]` */
export interface HostRoute {
  readonly prefix: Prefix;
  readonly via?: Address;
  readonly metric?: number;
}

/** [bond NAME] */
export interface BondSection extends HostSection {
  readonly mode: 'active-backup' | '802.3ad';
  readonly ports: readonly Ifname[];
  readonly primary?: Ifname;
  readonly xmitHashPolicy?: string;
  readonly lacpRate?: 'slow' | 'fast';
  readonly minLinks?: number;
  /** Milliseconds between looks at the ports' carriers. */
  readonly miimon: number;
}

/** [vlan NAME] */
export interface VlanSection extends HostSection {
  readonly parent: Ifname;
  readonly id: number;
}

/** [bridge NAME] */
export interface BridgeSection extends HostSection {
  readonly ports: readonly Ifname[];
  /** `adopted`: nobody pins one, and it changes with the ports. */
  readonly mac?: Mac | 'adopted';
  readonly stp: boolean;
  /** Hundredths of a second, as the kernel has it. */
  readonly forwardDelay: number;
  /** Without, every multicast frame goes to every port. */
  readonly multicastSnooping: boolean;
  /** Absent is as `multicastSnooping`. */
  readonly multicastQuerier?: boolean;
  /** Nobody cares when it is not said. */
  readonly vlanAware?: boolean;
  /** Of a VLAN-aware bridge: the VLAN that a port is in at first; 0 is none. */
  readonly defaultPvid: number;
}

/** [vrf NAME] */
export interface VrfSection extends HostSection {
  readonly table: number;
  /** What has no route in it is unreachable; else it goes on to the main table. */
  readonly unreachable: boolean;
  readonly ports: readonly Ifname[];
  readonly dns: readonly Address[];
  readonly services: readonly string[];
  /** `lan`: what is behind a router is unreachable, whatever routes the ports had. */
  readonly scope: 'full' | 'lan';
  /** What the main table reaches through the VRF. */
  readonly leak: readonly Prefix[];
  /** No table is that of two VRFs; of the whole host. Nobody cares when it is not said. */
  readonly strict?: boolean;
  /** Whose sockets outside take what comes in by a VRF; of the whole host. As the kernel has it when it is not said. */
  readonly accept?: readonly ('tcp' | 'udp' | 'raw')[];
}

/** [ovs NAME] */
export interface OvsSection extends HostSection {
  readonly uplink?: Ifname;
  /** Of the uplink: the VLAN of frames without a tag. */
  readonly tag?: number;
  /** Of the uplink: VLANs whose frames have theirs. Without either, it carries them all. */
  readonly trunks: readonly number[];
}
