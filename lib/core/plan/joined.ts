import type { Ifname } from '../model/ifname.ts';
import { type BridgeVlan, isPortSetting, type KernelObject, keyOf } from '../model/object.ts';
import type { Observed } from '../observed/query.ts';

/**
 * What was observed, as it will be when the ports that are to join a bridge have joined it: the kernel lets go of all that
 * they had as ports of another, and where they are to be in VLANs, it begins with the bridge's own. A static entry is made
 * for each VLAN that the port is in: with another one, it has to be made again.
 */
export function joined(
  observed: readonly KernelObject[],
  desired: readonly KernelObject[],
  links: Observed['links'],
): readonly KernelObject[] {
  const masters = new Map(observed.flatMap(masterOf));
  const bridges = new Map(
    desired.flatMap(masterOf).filter(([port, bridge]) => bridge !== 'none' && bridge !== masters.get(port)),
  );
  const vlans = new Set(observed.filter(isVlan).map(keyOf));
  const more = new Set(
    desired.filter(isVlan).flatMap(object => (vlans.has(keyOf(object)) ? [] : [object.ifname])),
  );
  if (bridges.size + more.size === 0) return observed;
  const inVlans = new Set(desired.filter(isVlan).map(({ ifname }) => ifname));
  return [
    ...observed.filter(
      object =>
        !(isOfPort(object) && bridges.has(object.ifname)) &&
        !(object.kind === 'fdb-entry' && more.has(object.ifname)),
    ),
    ...[...bridges]
      .filter(([port]) => inVlans.has(port))
      .flatMap(([port, bridge]) => firstVlan(port, links.get(bridge)?.bridgeVlans?.defaultPvid ?? 0)),
  ];
}

function masterOf(object: KernelObject): [Ifname, string][] {
  return object.kind === 'link-setting' && object.setting === 'master' ? [[object.ifname, object.value]] : [];
}

function isVlan(object: KernelObject): object is BridgeVlan {
  return object.kind === 'bridge-vlan';
}

function isOfPort(object: KernelObject): object is Extract<KernelObject, { ifname: Ifname }> {
  if (object.kind === 'link-setting') return isPortSetting(object);
  return object.kind === 'bridge-vlan' || object.kind === 'fdb-entry';
}

/** 0: the bridge puts its ports into none. */
function firstVlan(ifname: Ifname, id: number): readonly BridgeVlan[] {
  return id === 0 ? [] : [{ kind: 'bridge-vlan', ifname, id, pvid: true, untagged: true }];
}
