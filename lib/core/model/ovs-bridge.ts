import type { Ifname } from './ifname.ts';

/** A bridge of Open vSwitch, with the port of its own name, which the host has addresses on. */
export interface OvsBridge {
  readonly kind: 'ovs-bridge';
  readonly ifname: Ifname;
  /** `mtu_request` of that port: without, Open vSwitch gives it the least of all ports'. */
  readonly mtu?: number;
  /** `external_ids:vmnet`: a section made it. */
  readonly made?: true;
}

export function ovsBridgeText({ mtu, made }: OvsBridge): string {
  return [...(mtu === undefined ? [] : [`mtu ${mtu}`]), ...(made ? [] : ["not vmnet's"])].join(' ');
}

/** Whether a bridge that is there is as good as one that is wanted: of an MTU that is not said nobody cares. */
export function fitsBridge(wanted: OvsBridge, was: OvsBridge): boolean {
  return wanted.mtu === undefined || wanted.mtu === was.mtu;
}
