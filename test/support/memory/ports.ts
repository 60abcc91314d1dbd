// Ports in the kernel in memory: what a link has from its master, and the master from its ports.
import type { Ifname } from '../../../lib/core/model/ifname.ts';
import type { Mac } from '../../../lib/core/model/mac.ts';
import type { PortSetting } from '../../../lib/core/model/object.ts';
import { type KernelState, type Link, setDown } from './state.ts';

/** Of every bridge, VLAN-aware or not. */
export const DEFAULT_PVID = 1;

/** A link that joins a bridge has what every port starts with, and one that leaves keeps nothing of it. */
export function setMaster(state: KernelState, link: Link | undefined, master: Ifname | undefined): void {
  if (link === undefined || link.master === master) return;
  // A bond closes the port that it lets go, and gives it its MTU back.
  if (link.master !== undefined && state.links.get(link.master)?.type === 'bond') {
    setDown(state, link);
    link.mtu = link.mtuBefore ?? link.mtu;
  }
  link.master = master;
  const ofBridge = master !== undefined && state.links.get(master)?.type === 'bridge';
  link.port = new Map(ofBridge ? NEW_PORT : []);
  link.vlans = new Map(ofBridge ? [[DEFAULT_PVID, { pvid: true, untagged: true }]] : []);
  state.fdb = state.fdb.filter(one => one.ifname !== link.ifname);
}

const NEW_PORT: readonly (readonly [PortSetting, string])[] = [
  ['learning', 'on'],
  ['flood', 'on'],
  ['hairpin', 'off'],
  ['isolated', 'off'],
  ['locked', 'off'],
  ['mcast_router', '1'],
];

/** A bridge takes the lowest MAC among its ports, unless its own was set (br_stp_recalculate_bridge_id). */
export function adoptMac(state: KernelState, bridge: string): void {
  const link = state.links.get(bridge);
  if (link === undefined || link.type !== 'bridge' || link.macWasSet) return;
  const [lowest] = portsOf(state, bridge)
    .map(port => port.mac)
    .sort();
  link.mac = lowest ?? ('00:00:00:00:00:00' as Mac);
}

export function portsOf(state: KernelState, bridge: string): readonly Link[] {
  return [...state.links.values()].filter(port => port.master === bridge);
}
