import { isLinkLocal } from './address.ts';
import type { Settings } from './config.ts';
import type { KernelObject } from './object.ts';

/** rt_protos number of what is vmnet's alone: network routes and proxy neighbours. */
export const VMNET_PROTOCOL = 118;
/** rt_protos number of the routes of the host's own links, which no NIC needs. */
export const HOST_PROTOCOL = 119;
/** RTPROT_KERNEL: systemd-networkd deletes every policy rule that carries anything else. */
export const RULE_PROTOCOL = 2;

/** By what a fresh process, with no memory, tells its own objects from everybody else's. */
export interface Identity {
  /** Of the VMs' routes: the configured one, and those that records say were before it. */
  readonly routeProtocols: readonly number[];
  /** Of rules: those of the configuration, and those that records say were before. */
  readonly preferences: ReadonlySet<number>;
  /**
   * Links, given addresses, rules, and what of Open vSwitch a section made, are vmnet's to remove as well, where the
   * caller has looked them up in the host's record.
   */
  readonly links?: true;
  /** Tables of VRFs of the file, in which all routes are vmnet's to change. */
  readonly tables?: ReadonlySet<number>;
}

/** Where the rules are that VRFs need, the same on every host. */
export const VRF_PREFERENCES = {
  /** Table local, as the kernel has it: before all others. */
  localFirst: 0,
  /** What a DHCP client sends to its server from a socket in no VRF, by the hook of the lease. */
  renewal: 890,
  /** What the host sends from an address in a VRF, by a socket that is in none. */
  from: 950,
  /** The kernel's: each VRF looks up its own table. */
  own: 1000,
  /** What has found no route in its VRF. */
  noOther: 1001,
  /** Table local after the VRFs. */
  localLater: 32_765,
} as const;

/** The rule preferences that are vmnet's, in the order in which the kernel walks them. */
export interface Preferences {
  readonly mark: number;
  readonly hostAccess: number;
  /** Sends the host's own packets past the guards. */
  readonly skipGuards: number;
  readonly guard: number;
  readonly endOfGuards: number;
  /** `guard = strict` */
  readonly hostOnly: number;
  readonly closeMain: number;
}

/** `base` is the first of them. */
export function preferencesOf(base: number): Preferences {
  return {
    mark: base,
    hostAccess: base + 1,
    skipGuards: base + 2,
    guard: base + 3,
    endOfGuards: base + 4,
    hostOnly: 32_000,
    closeMain: 32_001,
  };
}

/** What the configuration says now, and what records say that it was. */
export function identityOf(
  settings: Settings,
  recorded: readonly Partial<Pick<Settings, 'routeProtocol' | 'rulePreference'>>[] = [],
): Identity {
  const all = [settings, ...recorded];
  return {
    routeProtocols: [...new Set(all.flatMap(({ routeProtocol }) => routeProtocol ?? []))],
    preferences: new Set(
      all.flatMap(({ rulePreference }) =>
        rulePreference === undefined ? [] : Object.values(preferencesOf(rulePreference)),
      ),
    ),
  };
}

/**
 * Whether an object that was found in the kernel is vmnet's to remove. Settings and sysctls are nobody's: they are
 * changed, never removed. A host route counts by the configured protocol, which may be shared (`static`), so the
 * caller must also know that its device is one of ours; and so it must of a VLAN, which carries no mark at all.
 */
export function isOurs(object: KernelObject, identity: Identity): boolean {
  switch (object.kind) {
    case 'route':
      return (
        object.protocol === VMNET_PROTOCOL ||
        object.protocol === HOST_PROTOCOL ||
        identity.tables?.has(object.table) === true ||
        (isHostRoute(object) && identity.routeProtocols.includes(object.protocol))
      );
    case 'proxy-neighbour':
      return object.protocol === VMNET_PROTOCOL;
    case 'rule':
      // The kernel makes its rule for VRFs with the first of them, and never again.
      if (identity.links === true) return object.preference !== VRF_PREFERENCES.own;
      return object.protocol === RULE_PROTOCOL && identity.preferences.has(object.preference);
    case 'ovs-port':
      return object.madeFor !== undefined || (identity.links === true && object.ofHost === true);
    case 'ovs-bridge':
      return identity.links === true && object.made === true;
    case 'link-setting':
    case 'sysctl':
      return false;
    case 'link':
      return identity.links === true;
    case 'address':
      return identity.links === true || isLinkLocal(object.address);
    case 'fdb-entry':
    case 'bridge-vlan':
    case 'nft-table':
    case 'nft-set':
    case 'nft-chain':
    case 'nft-element':
      return true;
  }
}

/** A route to one address out of a device: what a VM gets, and nothing else that vmnet makes. */
export function isHostRoute(object: KernelObject): boolean {
  return (
    object.kind === 'route' &&
    object.dev !== undefined &&
    object.prefix.length === (object.prefix.family === 4 ? 32 : 128)
  );
}
