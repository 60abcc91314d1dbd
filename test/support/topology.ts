// The wires of the throw-away data centre. Everything is in network namespaces, nothing in the host's own.
import { setTimeout as sleep } from 'node:timers/promises';
import { ipBatch, must, type Place, writeSysctl } from './command.ts';

/** One namespace with three bridges, which know nothing of each other. */
export interface Segments extends Place {
  readonly routed: 'public';
  readonly bridged: 'vlan992';
  readonly management: 'mgmt';
}

export interface Wiring {
  readonly router: Place;
  readonly segments: Segments;
  readonly nodes: readonly Place[];
  /** Name of the nodes' link to the routed segment. */
  readonly uplink: string;
  /** net.ipv6.conf.all.forwarding of the nodes. */
  readonly forwarding6: boolean;
}

/** Makes and connects router, segments and nodes. Addresses: see datacentre.ts. */
export async function wire(wiring: Wiring): Promise<void> {
  const { router, segments, nodes } = wiring;
  for (const place of [segments, router, ...nodes]) await makeNamespace(place);
  await makeSegments(wiring);
  await setUpRouter(router);
  for (const [index, node] of nodes.entries()) await setUpNode(node, index + 1, wiring);
}

/** A namespace in which loopback is up and addresses count at once, without duplicate address detection. */
export async function makeNamespace(place: Place): Promise<void> {
  await must(['ip', 'netns', 'add', place.ns]);
  await writeSysctl(place, '0', ...DAD, 'net/ipv6/conf/default/accept_ra', ...IPV4_ZEROES);
  await ipBatch(place, ['link set lo up']);
}

const DAD = ['net/ipv6/conf/all/accept_dad', 'net/ipv6/conf/default/accept_dad'];

/** IPv4, other than IPv6, starts with the settings of the host's own namespace. */
const IPV4_ZEROES = [
  'net/ipv4/ip_forward',
  'net/ipv4/conf/all/rp_filter',
  'net/ipv4/conf/default/rp_filter',
  'net/ipv4/conf/all/proxy_arp',
  'net/ipv4/conf/default/proxy_arp',
];

async function makeSegments({ router, segments, nodes, uplink }: Wiring): Promise<void> {
  const bridges = [segments.routed, segments.bridged, segments.management];
  await writeSysctl(segments, '1', 'net/ipv6/conf/default/disable_ipv6');
  await ipBatch(segments, [
    ...bridges.map(name => `link add ${name} type bridge stp_state 0 forward_delay 0 mcast_snooping 0`),
    ...bridges.map(name => `link set ${name} up`),
    ...wireTo(segments.routed, 'r0', router, 'eth0'),
    ...wireTo(segments.bridged, 'r1', router, 'eth1'),
    ...nodes.flatMap((node, index) => [
      ...wireTo(segments.routed, `n${index + 1}up0`, node, uplink),
      ...wireTo(segments.bridged, `n${index + 1}up1`, node, 'up1'),
      ...wireTo(segments.management, `n${index + 1}mgmt`, node, 'mgmt'),
    ]),
  ]);
  // The management network's router: what leaks from a node arrives here, and goes no further.
  await writeSysctl(segments, '0', `net/ipv6/conf/${segments.management}/disable_ipv6`);
  await ipBatch(segments, [
    `address add 10.9.9.254/24 dev ${segments.management}`,
    `address add 2001:db8:999::fe/64 dev ${segments.management}`,
  ]);
}

function wireTo(bridge: string, port: string, place: Place, ifname: string): string[] {
  return [
    `link add ${port} type veth peer name ${ifname} netns ${place.ns}`,
    `link set ${port} master ${bridge} up`,
  ];
}

async function setUpRouter(router: Place): Promise<void> {
  await writeSysctl(router, '1', 'net/ipv4/ip_forward', 'net/ipv6/conf/all/forwarding');
  await ipBatch(router, [
    'address add 203.0.113.1/32 dev lo',
    'address add 2001:db8:ffff::1/128 dev lo',
    'link set eth0 up',
    'address add 192.0.2.1/24 dev eth0',
    'address add 2001:db8:993::1/64 dev eth0',
    'link set eth1 up',
    'address add 198.51.100.1/24 dev eth1',
    'address add 2001:db8:992::1/64 dev eth1',
  ]);
}

async function setUpNode(node: Place, number: number, { uplink, forwarding6 }: Wiring): Promise<void> {
  if (forwarding6) await writeSysctl(node, '1', 'net/ipv6/conf/all/forwarding');
  await ipBatch(node, [
    `link set ${uplink} up`,
    'link add br0 type bridge stp_state 0 forward_delay 0 mcast_snooping 0',
    'link set up1 master br0 up',
    'link set br0 up',
    'link set mgmt up',
    `address add 10.9.9.${number}/24 dev mgmt`,
    `address add 2001:db8:999::${number}/64 dev mgmt`,
    'route add default via 10.9.9.254',
    'route add default via 2001:db8:999::fe',
  ]);
  await linkLocal(node, [uplink, 'br0', 'mgmt']);
  // Taps come later, and meet the kernel's own default.
  await writeSysctl(node, '1', 'net/ipv6/conf/default/accept_dad', 'net/ipv6/conf/default/accept_ra');
}

/** The kernel gives a link its own address when it hears of the carrier, which may be a second after the link is up. */
async function linkLocal(place: Place, ifnames: readonly string[]): Promise<void> {
  for (const deadline = performance.now() + 5000; ; await sleep(20)) {
    const found = await must(['ip', '-n', place.ns, '-o', '-6', 'address', 'show', 'scope', 'link']);
    const without = ifnames.filter(ifname => !new RegExp(`^\\d+: ${ifname} `, 'm').test(found));
    if (without.length === 0) return;
    if (performance.now() > deadline) throw new Error(`${place.ns}: ${without} got no link-local address`);
  }
}
