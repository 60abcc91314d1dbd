import { defaultPrefix } from '../model/address.ts';
import type { Settings } from '../model/config.ts';
import { preferencesOf, RULE_PROTOCOL, VMNET_PROTOCOL } from '../model/identity.ts';
import {
  isKernelTable,
  LAST_RESORT_METRIC,
  type Network,
  type NetworkFamily,
  type Nic,
} from '../model/network.ts';
import { type KernelObject, keyOf, type Route, type Rule, type Sysctl } from '../model/object.ts';
import { filterBase, filterOfNetwork, servicesOf } from './filter.ts';
import { profileChains } from './firewall.ts';
import { uplinkSysctls, vrfSysctls } from './sysctls.ts';
import { uplinkVlans } from './vlans.ts';

/** What NICs like this one share on this node: those of its mode, and those of its network. */
export function sharedObjects(nic: Nic, settings: Settings): readonly KernelObject[] {
  const base = [...filterBase(nic.mode), ...servicesOf(nic), ...profileChains(nic, settings)];
  if (nic.mode !== 'routed') return [...base, ...uplinkVlans(nic)];
  // Who is served must be answered.
  const served = nic.policy.hostServices.length > 0 && nic.network.vrf === undefined;
  const hostAccess = nic.network.hostAccess || served;
  const network = { ...nic.network, hostAccess };
  return [...base, ...FWMARK_REFLECT, ...guardFrame(settings), ...networkObjects(network, settings)];
}

/** Two NICs with the same text share everything. */
export function sharedText(nic: Nic): string {
  const { hostServices, firewall } = nic.policy;
  if (nic.mode === 'routed') return JSON.stringify([nic.network, hostServices, firewall]);
  const vlans = uplinkVlans(nic).map(keyOf);
  return JSON.stringify([nic.bridge, hostServices, firewall, ...vlans]);
}

/** What the NICs of one network share. */
export function networkObjects(network: Network, settings: Settings): readonly KernelObject[] {
  return [
    ...filterOfNetwork(network),
    ...network.families.flatMap(entry => [
      ...tableRoutes(entry, network),
      ...(network.vrf === undefined ? familyRules(entry, network, settings) : vrfSysctls(entry, network.vrf)),
      ...uplinkSysctls(entry),
    ]),
  ];
}

/** Else the kernel answers a VM's packet (time exceeded, fragmentation needed) by main, where it has no way back. */
const FWMARK_REFLECT: readonly Sysctl[] = [
  { kind: 'sysctl', path: 'net/ipv4/fwmark_reflect', value: '1' },
  { kind: 'sysctl', path: 'net/ipv6/fwmark_reflect', value: '1' },
];

/** The last resort of a VRF is the host's own, and there before its first NIC. */
function tableRoutes(entry: NetworkFamily, { vrf }: Network): readonly Route[] {
  if (isKernelTable(entry.table)) return [];
  const metric = entry.family === 4 ? 0 : 1024;
  const base = { kind: 'route' as const, table: entry.table, protocol: VMNET_PROTOCOL };
  const uplink = { ...base, type: 'unicast' as const, dev: entry.uplink, metric };
  const everywhere = defaultPrefix(entry.family);
  return [
    ...(vrf === undefined
      ? [{ ...base, type: 'unreachable' as const, prefix: everywhere, metric: LAST_RESORT_METRIC }]
      : []),
    ...(entry.skeleton && entry.subnet !== undefined ? [{ ...uplink, prefix: entry.subnet }] : []),
    ...(entry.skeleton && entry.gateway !== undefined
      ? [{ ...uplink, prefix: everywhere, via: entry.gateway }]
      : []),
  ];
}

/**
 * The mark selects the table. When somebody flushes nftables the marks are gone: the guard keeps packets from the VMs'
 * subnet out of main then, where they would leak into the management network. Silently: the host's own answer to such a
 * packet would leave by main itself, and quote it.
 */
function familyRules(entry: NetworkFamily, network: Network, settings: Settings): readonly Rule[] {
  const preferences = preferencesOf(settings.rulePreference);
  const base = { kind: 'rule' as const, family: entry.family, protocol: RULE_PROTOCOL };
  const lookup = { do: 'lookup' as const, table: entry.table };
  const mark: Rule = { ...base, preference: preferences.mark, fwmark: entry.table, action: lookup };
  if (entry.subnet === undefined) return [mark];
  return [
    mark,
    ...(isKernelTable(entry.table)
      ? []
      : [
          {
            ...base,
            preference: preferences.guard,
            from: entry.subnet,
            action: { do: 'blackhole' as const },
          },
        ]),
    ...(network.hostAccess
      ? [{ ...base, preference: preferences.hostAccess, to: entry.subnet, iif: 'lo', action: lookup }]
      : []),
  ];
}

/** A node may have an address in the VMs' subnet itself: what the host sends goes past the guards. */
function guardFrame(settings: Settings): readonly Rule[] {
  const at = preferencesOf(settings.rulePreference);
  return ([4, 6] as const).flatMap((family): Rule[] => {
    const base = { kind: 'rule' as const, family, protocol: RULE_PROTOCOL };
    const strict: Rule[] = [
      { ...base, preference: at.hostOnly, iif: 'lo', action: { do: 'lookup', table: 254 } },
      { ...base, preference: at.closeMain, action: { do: 'blackhole' } },
    ];
    return [
      { ...base, preference: at.endOfGuards, action: { do: 'nop' } },
      { ...base, preference: at.skipGuards, iif: 'lo', action: { do: 'goto', preference: at.endOfGuards } },
      ...(settings.guard === 'strict' ? strict : []),
    ];
  });
}
