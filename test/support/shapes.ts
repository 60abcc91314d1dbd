// Requests of each kind that a NIC can be of.
import type { NicRequest } from '../../lib/core/model/request.ts';
import { bridged, inVlans, routed, switched } from './world.ts';

export interface Shape {
  readonly name: string;
  readonly request: (tap: string, number: number) => NicRequest;
}

export const APART = 'tables and uplinks apart';

/** Both families, each alone, and each its own way. */
export const ROUTED: readonly Shape[] = [
  { name: 'IPv4 and IPv6', request: routed },
  { name: 'IPv4 alone', request: routed4 },
  { name: 'IPv6 alone', request: (name, n) => routed(name, n, { ips: [`2001:db8:993::${n}`] }) },
  { name: APART, request: (name, n) => routed(name, n, { network: 'apart' }) },
];

export const SHAPES: readonly Shape[] = [
  ...ROUTED,
  { name: 'bridged', request: bridged },
  { name: 'bridged, the first port', request: (name, n) => ({ ...bridged(name, n), link: 'br1' }) },
];

/** What needs a kernel with VLAN-aware bridges. */
export const VLAN_SHAPES: readonly Shape[] = ['.10', ':10:20', '.1:10:20'].map(vlan => ({
  name: `VLAN ${vlan}`,
  request: (name, n) => inVlans(name, n, vlan),
}));

/** What needs Open vSwitch. */
export const OVS_SHAPES: readonly Shape[] = [undefined, '.10', ':10:20', '.10:20:30'].map(vlan => ({
  name: `Open vSwitch, ${vlan === undefined ? 'no VLAN' : `VLAN ${vlan}`}`,
  request: (name, n) => switched(name, n, vlan),
}));

/** Without a MAC nothing makes an address of IPv6. */
function routed4(name: string, number: number): NicRequest {
  const { mac: _, ...request } = routed(name, number, { ips: [`192.0.2.${number}`] });
  return request;
}
