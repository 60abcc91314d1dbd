import type { Ifname } from '../model/ifname.ts';
import type { Mac } from '../model/mac.ts';
import type { KernelObject } from '../model/object.ts';
import { type IpQuestion, type IpRow, number, text } from './ip.ts';

/** The static entries behind a port; what the bridge has learned, and its own, are nobody's. */
export function fdbQuestion(ifname: Ifname): IpQuestion {
  return {
    line: `fdb show dev ${ifname}`,
    read: rows => ({
      objects: rows
        .filter(row => row.state === 'static' && row.master !== undefined && row.vlan === undefined)
        .map(row => ({ kind: 'fdb-entry' as const, ifname, mac: text(row.mac) as Mac })),
      links: [],
    }),
  };
}

/** `vlan show` with and without a device prints the same rows. */
export function vlanQuestion(ifname: Ifname | 'all'): IpQuestion {
  return {
    line: ifname === 'all' ? 'vlan show' : `vlan show dev ${ifname}`,
    read: rows => ({ objects: rows.flatMap(vlanObjects), links: [] }),
  };
}

function vlanObjects(row: IpRow): KernelObject[] {
  return ((row.vlans as IpRow[] | undefined) ?? []).flatMap(vlan => {
    const first = number(vlan.vlan);
    const flags = (vlan.flags as string[] | undefined) ?? [];
    const ids = Array.from({ length: number(vlan.vlanEnd ?? first) - first + 1 }, (_, i) => first + i);
    return ids.map(id => ({
      kind: 'bridge-vlan' as const,
      ifname: text(row.ifname) as Ifname,
      id,
      pvid: flags.includes('PVID'),
      untagged: flags.includes('Egress Untagged'),
    }));
  });
}
