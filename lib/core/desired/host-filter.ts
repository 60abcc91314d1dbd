import type { NftChain } from '../model/nft.ts';
import { PASSED } from './guest.ts';
import { chain } from './nft-text.ts';

const HERE = 'fib daddr . iif type { local, broadcast, multicast }';
const ROUTED = 'iifgroup . meta l4proto . th dport @group_services';
const BRIDGED = 'iifname . meta l4proto . th dport @bridge_services';
/**
 * Addresses of one link. What a VRF's port receives at them comes by the VRF's name, on which fib finds none of them: the
 * kernel itself has looked them up on the port.
 */
const LINK_LOCAL = 'ip6 daddr fe80::/10';
const OF_THE_LINK = 'ip6 daddr { fe80::/10, ff00::/8 }';

/**
 * What VMs may reach on the host: the services that their network opens, at the addresses that the host has on their
 * link or in their subnet, and never those of its management network. Without connection tracking, which would see every
 * packet of the node then: what answers the host is known by what it is.
 */
export const HOST: NftChain = chain(
  'inet',
  'input',
  [
    [`meta mark != ${PASSED} iifname != @taps accept`, 'from no VM'],
    [
      'icmpv6 type { destination-unreachable, packet-too-big, time-exceeded, parameter-problem, mld-listener-report, mld-listener-done, mld2-listener-report, nd-router-solicit, nd-neighbor-solicit, nd-neighbor-advert } accept',
      'neighbour discovery, and errors',
    ],
    ['icmp type { destination-unreachable, time-exceeded, parameter-problem } accept', 'errors'],
    ['icmp type echo-request fib daddr . iif type local accept', 'is the host there'],
    ['icmpv6 type echo-request fib daddr . iif type local accept', 'is the host there'],
    [`icmpv6 type echo-request ${LINK_LOCAL} accept`, 'is the host there, in a VRF'],
    [`${ROUTED} ${HERE} accept`, 'a service of the host'],
    [`${ROUTED} iifgroup . ip daddr @group_subnet4 accept`, 'a service of the host'],
    [`${ROUTED} iifgroup . ip6 daddr @group_subnet6 accept`, 'a service of the host'],
    [`${BRIDGED} ${HERE} accept`, 'a service of the host'],
    [`${BRIDGED} ${OF_THE_LINK} accept`, 'a service of the host, in a VRF'],
    ['iifgroup @group_host_access tcp flags & (syn | ack) != syn accept', 'answers the host'],
    ['iifgroup @group_host_access udp dport 32768-60999 accept', 'answers the host'],
    ['iifgroup @group_host_access icmp type echo-reply accept', 'answers the host'],
    ['iifgroup @group_host_access icmpv6 type echo-reply accept', 'answers the host'],
    ['counter drop', 'to the host'],
  ],
  { name: 'input', priority: -10, policy: 'accept' },
);
