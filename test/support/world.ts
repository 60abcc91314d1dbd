// What the scenarios and the faults act on: a node, whichever kernel it has.
import type { Announcement } from '../../lib/core/announce/frames.ts';
import { parseAddress } from '../../lib/core/model/address.ts';
import { parseIfname } from '../../lib/core/model/ifname.ts';
import { parseMac } from '../../lib/core/model/mac.ts';
import type { NicRequest } from '../../lib/core/model/request.ts';
import { parseConfig } from '../../lib/core/source/config.ts';
import { parseRtTables } from '../../lib/core/source/rt-tables.ts';
import type { Context, Host } from '../../lib/run/ports.ts';

export interface World {
  readonly context: Context;
  readonly announced: readonly Announcement[];
  /** A line of `ip -batch`, by somebody else than vmnet. */
  ip(line: string, family?: 4 | 6): Promise<void>;
  nft(...lines: readonly string[]): Promise<void>;
  sysctl(path: string, value: string): Promise<void>;
  /** Commands of `ovs-vsctl`, where it is. */
  ovs(commands: string): Promise<void>;
  /** A tap that is down and unconfigured, as a hypervisor hands it over. */
  makeTap(name: string): Promise<void>;
  removeTap(name: string): Promise<void>;
  /** All of the kernel that vmnet could touch, as sorted lines, without what changes by itself. */
  snapshot(): Promise<readonly string[]>;
}

/** Node: up0, up1 and up6 are up and without addresses, br0 is up with a port, br1 without, IPv6 is forwarded; br2
 * is VLAN-aware, with trunk0, where the kernel has that. */
export const INI = `
[network public]
mode = routed
link = public_993
table = 993
uplink = up0
subnet = 192.0.2.0/24
gateway = 192.0.2.1
arp-source = 192.0.2.254
subnet6 = 2001:db8:993::/64
gateway6 = 2001:db8:993::1

[network apart]
mode = routed
table = 994
table6 = 1994
uplink = up1
uplink6 = up6
subnet = 198.51.100.0/24
gateway = 198.51.100.1
subnet6 = 2001:db8:994::/64
gateway6 = 2001:db8:994::1
host-access = yes

[network lan]
mode = bridged
link = br0

[network vlans]
mode = bridged
link = br2
vlan-uplinks = trunk0

[network switched]
mode = openvswitch
link = ovs0
`;

export function contextOf(host: Host, ini = INI): Context {
  const rtTables = parseRtTables([]);
  return {
    host,
    rtTables,
    config: parseConfig([{ path: 'vmnet.ini', text: ini }], rtTables),
    report: () => undefined,
  };
}

/** The NIC with this number: its MAC ends in it, and so do its addresses. */
export function routed(
  tap: string,
  number: number,
  more: { network?: string; ips?: readonly string[] } = {},
): NicRequest {
  const network = more.network ?? 'public';
  const net =
    network === 'apart'
      ? { four: '198.51.100', six: '2001:db8:994' }
      : { four: '192.0.2', six: '2001:db8:993' };
  const ips = more.ips ?? [`${net.four}.${number}`, `${net.six}::${number}`];
  return {
    ifname: parseIfname(tap, 'test'),
    mode: 'routed',
    instance: `vm${number}.example.org`,
    mac: macOf(number),
    addresses: ips.map(text => parseAddress(text, 'test')),
    tags: [],
    network: { name: network },
  };
}

export function bridged(tap: string, number: number): NicRequest {
  return {
    ifname: parseIfname(tap, 'test'),
    mode: 'bridged',
    mac: macOf(number),
    addresses: [],
    link: 'br0',
    tags: [],
    network: { name: 'lan' },
  };
}

/** In VLANs of a VLAN-aware bridge, which leads out by trunk0. */
export function inVlans(tap: string, number: number, vlan: string): NicRequest {
  const { tags, network: _, ...request } = bridged(tap, number);
  // In the order of a record, which tests compare as text.
  return { ...request, link: 'br2', vlan, tags, network: { name: 'vlans' } };
}

/** On a bridge of Open vSwitch, with or without VLANs. */
export function switched(tap: string, number: number, vlan?: string): NicRequest {
  const { tags, network: _, ...request } = bridged(tap, number);
  const vlans = vlan === undefined ? {} : { vlan };
  return { ...request, mode: 'openvswitch', link: 'ovs0', ...vlans, tags, network: { name: 'switched' } };
}

function macOf(number: number) {
  return parseMac(`aa:00:00:35:6d:${number.toString(16).padStart(2, '0')}`, 'test');
}
