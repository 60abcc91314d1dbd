import type { Prefix } from '../model/address.ts';
import { macBytes } from '../model/mac.ts';
import type { Guest } from './guest.ts';
import type { RuleWords } from './nft-text.ts';
import { hex, wordOf } from './nft-text.ts';

/** Not a later fragment: in netdev, the kernel takes what that begins with for ports (Linux 6.18). */
const FIRST = 'ip frag-off & 0x1fff == 0';

/** Order is security: what is refused stands before what is accepted. */
export function ipv4Rules(guest: Guest): readonly RuleWords[] {
  const { own } = guest;
  return [
    // By the port of the client alone: clients look at no other.
    [`${FIRST} udp dport 68 counter drop`, 'plays DHCP server'],
    // An IGMP query: who sends it becomes the querier, and gets all multicast.
    ['ip protocol igmp @th,0,8 0x11 counter drop', 'plays router'],
    // Its neighbours would send by it what is for elsewhere (RFC 1256, and redirects).
    ...['redirect', 'router-advertisement'].map(
      type => [`${FIRST} icmp type ${type} counter drop`, 'plays router'] as const,
    ),
    ...routerRules(guest, 'ip saddr'),
    ...each(own[4], 'meta protocol ip', 'ip saddr').map(
      match => [`${match} accept`, 'IPv4 from its own address'] as const,
    ),
    [
      `ip saddr 0.0.0.0 ip daddr 255.255.255.255 ${FIRST} udp sport 68 udp dport 67 accept`,
      'asks for a lease',
    ],
    ['meta protocol ip counter drop', 'IPv4 from a foreign address'],
  ];
}

const ETHERNET = 'arp htype 1 arp ptype ip arp hlen 6 arp plen 4';

export function arpRules(guest: Guest): readonly RuleWords[] {
  const { mac, own } = guest;
  const sender = mac === undefined ? '' : ` arp saddr ether ${mac}`;
  return [
    ...routerRules(guest, 'arp saddr ip'),
    ...each(own[4], '', ' arp saddr ip').map(
      match => [`${ETHERNET} arp operation 1-2${sender}${match} accept`, 'ARP from its own address'] as const,
    ),
    // RFC 5227
    ...each(own[4], '', ' arp daddr ip').map(
      match =>
        [
          `${ETHERNET} arp operation request${sender} arp saddr ip 0.0.0.0${match} accept`,
          'looks whether its address is free',
        ] as const,
    ),
    ['meta protocol arp counter drop', 'ARP from a foreign address'],
  ];
}

/** Where any address may be its own, the router's is not. */
function routerRules({ own, routers }: Guest, field: string): readonly RuleWords[] {
  if (own[4] !== 'any') return [];
  return routers
    .filter(address => address.family === 4)
    .map(({ text }) => [`${field} ${text} counter drop`, 'an address of the router']);
}

/** QEMU's announcement of a guest that has migrated: it is how switches learn where it went. */
export function rarpRules({ mac }: Guest): readonly RuleWords[] {
  const sender = mac === undefined ? '' : ` @nh,64,48 0x${hex(macBytes(mac))}`;
  return [
    [`ether type 0x8035${sender} limit rate 10/second burst 5 packets accept`, 'announces itself'],
    ['ether type 0x8035 counter drop', 'RARP of another, or too much of it'],
  ];
}

/**
 * A match for each prefix. No sets: nft reads every set of a table before it lists a chain of it, and at a thousand NICs
 * that is all the time that an attach has.
 */
function each(own: readonly Prefix[] | 'any', any: string, field: string): readonly string[] {
  return own === 'any' ? [any] : own.map(prefix => `${field} ${wordOf(prefix)}`);
}
