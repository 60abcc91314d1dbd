import type { Ifname } from './ifname.ts';

/** A link, with what it has from when it is made: to change that, it has to be made anew. */
export interface Link {
  readonly kind: 'link';
  readonly ifname: Ifname;
  /** As `ip` names it: `bond`, `bridge`, `vlan`, `vrf`, `veth`, `tun`, …; `device` for hardware. */
  readonly type: string;
  /** Of a bond; the kernel changes it only while there are no ports. */
  readonly mode?: string;
  /** Of a VLAN; the kernel takes another id for an existing one without an error, and keeps the old. */
  readonly parent?: Ifname;
  readonly id?: number;
  /** Of a VLAN, when it is not 802.1Q. */
  readonly protocol?: string;
  /** Of a VRF. */
  readonly table?: number;
}

/** What a bond or a bridge has and can change while it is in use; all but the words of a bond are numbers. */
export type MasterSetting = (typeof BOND_SETTINGS)[number] | (typeof BRIDGE_SETTINGS)[number];

export const BOND_SETTINGS = ['miimon', 'min_links', 'xmit_hash_policy', 'lacp_rate', 'primary'] as const;

/** In this order: no forward delay below 2 s is taken while STP is on, no other PVID while the bridge is VLAN-aware. */
export const BRIDGE_SETTINGS = [
  'stp_state',
  'forward_delay',
  'mcast_snooping',
  'mcast_querier',
  'vlan_default_pvid',
  'vlan_filtering',
] as const;

/** In the words of `ip link add`. */
export function linkText({ type, mode, parent, id, protocol, table }: Link): string {
  return [
    type,
    ...(mode === undefined ? [] : [`mode ${mode}`]),
    ...(protocol === undefined ? [] : [`protocol ${protocol}`]),
    ...(id === undefined ? [] : [`id ${id}`]),
    ...(parent === undefined ? [] : [`on ${parent}`]),
    ...(table === undefined ? [] : [`table ${table}`]),
  ].join(' ');
}
