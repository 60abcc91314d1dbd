import type { Ifname } from '../model/ifname.ts';
import type { NetworkFamily } from '../model/network.ts';
import type { Sysctl } from '../model/object.ts';
import type { Policy } from '../model/policy.ts';

/**
 * The tap answers for the gateway and forwards; strict reverse path filtering by the table that the mark selects, unless
 * the guest may send from addresses that no route leads to.
 */
export function routedTapSysctls(
  tap: Ifname,
  families: ReadonlySet<4 | 6>,
  { filter, allowed }: Policy,
): readonly Sysctl[] {
  const strict = filter === 'full' && !allowed.some(prefix => prefix.family === 4);
  return [
    ...device(4, tap, {
      forwarding: '1',
      proxy_arp: '1',
      rp_filter: strict ? '1' : '0',
      src_valid_mark: '1',
      accept_redirects: '0',
      send_redirects: '0',
    }),
    neighbour(4, tap, 'proxy_delay', '0'),
    ...(families.has(6)
      ? [
          // Mode 1: the kernel makes no link-local address by itself, so the tap has ours and no other.
          ...device(6, tap, {
            addr_gen_mode: '1',
            disable_ipv6: '0',
            forwarding: '1',
            force_forwarding: '1',
            proxy_ndp: '1',
            accept_ra: '0',
            accept_redirects: '0',
          }),
          neighbour(6, tap, 'proxy_delay', '0'),
        ]
      : device(6, tap, { disable_ipv6: '1' })),
  ];
}

/** A bridged tap is a port: no packet of its VM may reach an address of the host by it. */
export function bridgedTapSysctls(tap: Ifname): readonly Sysctl[] {
  return [...device(4, tap, { forwarding: '0', proxy_arp: '0' }), ...device(6, tap, { disable_ipv6: '1' })];
}

/**
 * The uplink answers for the proxied addresses and for its own, at once and for nobody else. Forwarding is switched on
 * for the device alone; it is never switched off, since others may have come to rely on it.
 */
export function uplinkSysctls(entry: NetworkFamily): readonly Sysctl[] {
  return entry.family === 4
    ? [
        ...device(4, entry.uplink, { forwarding: '1', proxy_arp: '0', src_valid_mark: '1', arp_ignore: '1' }),
        neighbour(4, entry.uplink, 'proxy_delay', '0'),
      ]
    : [
        ...device(6, entry.uplink, { forwarding: '1', force_forwarding: '1', proxy_ndp: '1' }),
        neighbour(6, entry.uplink, 'proxy_delay', '0'),
      ];
}

/** What its ports receive, a VRF receives, and whether it is forwarded is the VRF's to say. */
export function vrfSysctls({ family }: NetworkFamily, vrf: Ifname): readonly Sysctl[] {
  return family === 4
    ? device(4, vrf, { forwarding: '1' })
    : device(6, vrf, { forwarding: '1', force_forwarding: '1' });
}

/** The kernel forwards IPv6 only when this is 1, but for devices with `force_forwarding` (Linux 6.17 and later). */
export const IPV6_FORWARDING = 'net/ipv6/conf/all/forwarding';

export function forceForwarding(ifname: Ifname): string {
  return `net/ipv6/conf/${ifname}/force_forwarding`;
}

function device(family: 4 | 6, ifname: Ifname, values: Readonly<Record<string, string>>): Sysctl[] {
  return Object.entries(values).map(([name, value]) => ({
    kind: 'sysctl',
    path: `net/ipv${family}/conf/${ifname}/${name}`,
    value,
  }));
}

function neighbour(family: 4 | 6, ifname: Ifname, name: string, value: string): Sysctl {
  return { kind: 'sysctl', path: `net/ipv${family}/neigh/${ifname}/${name}`, value };
}
