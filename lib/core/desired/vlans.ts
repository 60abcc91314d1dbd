import type { Ifname } from '../model/ifname.ts';
import type { BridgedNic } from '../model/network.ts';
import type { BridgeVlan } from '../model/object.ts';
import { idsOf } from '../model/vlan.ts';
import type { Observed } from '../observed/query.ts';

/** The VLANs of the tap, and no other: that which every new port is in goes. */
export function portVlans({ mode, request: { ifname }, vlans }: BridgedNic): readonly BridgeVlan[] {
  if (vlans === undefined || mode !== 'bridged') return [];
  return [
    ...(vlans.untagged === undefined ? [] : [untagged(ifname, vlans.untagged)]),
    ...vlans.tagged.map(id => tagged(ifname, id)),
  ];
}

/** The bridge's own VLAN again, on a port that was in others and stays in the bridge. */
export function defaultVlan(
  { request: { ifname }, bridge }: BridgedNic,
  links: Observed['links'],
): readonly BridgeVlan[] {
  const id = links.get(bridge)?.bridgeVlans?.defaultPvid ?? 0;
  return id === 0 ? [] : [untagged(ifname, id)];
}

/** What the NICs of a VLAN share: it leads to the segment. */
export function uplinkVlans({ mode, vlans, vlanUplinks }: BridgedNic): readonly BridgeVlan[] {
  if (vlans === undefined || mode !== 'bridged') return [];
  return (vlanUplinks ?? []).flatMap(uplink => idsOf(vlans).map(id => tagged(uplink, id)));
}

function untagged(ifname: Ifname, id: number): BridgeVlan {
  return { kind: 'bridge-vlan', ifname, id, pvid: true, untagged: true };
}

function tagged(ifname: Ifname, id: number): BridgeVlan {
  return { kind: 'bridge-vlan', ifname, id, pvid: false, untagged: false };
}
