import { type Address, addressBytes, hostPrefix, isLinkLocal, type Prefix } from '../model/address.ts';
import { macBytes } from '../model/mac.ts';
import type { NftChain } from '../model/nft.ts';
import type { Guest } from './guest.ts';
import { chain, hex, type RuleWords, wordOf } from './nft-text.ts';

/** fe80::/10 */
const LINK_LOCAL: Prefix = { family: 6, address: 'fe80::', length: 10, text: 'fe80::/10' };

/** Order is security: what is refused stands before what is accepted. */
export function ipv6Rules(guest: Guest): readonly RuleWords[] {
  const own = sourcesOf(guest);
  if (own !== 'any' && own.length === 0)
    return [['meta protocol ip6 counter drop', 'IPv6, which it has not']];
  return [
    ['meta protocol ip6 udp dport 546 counter drop', 'plays DHCPv6 server'],
    ...(own === 'any' ? [] : fastRules(own)),
    ['icmpv6 type mld-listener-query counter drop', 'plays router'],
    ['icmpv6 type nd-router-advert counter drop', 'plays router'],
    ['icmpv6 type nd-redirect counter drop', 'plays router'],
    ...routerRules(guest),
    ...shapeRules(),
    ...macRules(guest),
    ['icmpv6 type nd-router-solicit ip6 saddr :: accept', 'asks for a router'],
    ...(own === 'any' ? [''] : own.map(prefix => targetIs(prefix))).map(
      target =>
        [
          `icmpv6 type nd-neighbor-solicit ip6 saddr :: ${target}accept`,
          'looks whether its address is free',
        ] as const,
    ),
    ...listenerRules('::'),
    ...(own === 'any'
      ? [['ip6 saddr :: counter drop', 'no address of its own'] as const]
      : foreignRules(own)),
    ...listenerRules(localOf(guest)),
    ['meta protocol ip6 jump headers', 'IPv6 from its own address'],
    ['meta protocol ip6 counter drop', 'headers that hide what is behind'],
  ];
}

/** What most packets are, before anything that is rare is looked for. */
function fastRules(own: readonly Prefix[]): readonly RuleWords[] {
  return own
    .filter(prefix => prefix.text !== LINK_LOCAL.text)
    .flatMap(prefix =>
      ['tcp', 'udp'].map(
        header =>
          [`ip6 saddr ${wordOf(prefix)} ip6 nexthdr ${header} accept`, 'IPv6 from its own address'] as const,
      ),
    );
}

/**
 * Neighbour discovery: no headers before it, from this link (255 hops), of a length that has no room for a second option,
 * which nobody looks at here.
 */
function shapeRules(): readonly RuleWords[] {
  const nd = 'icmpv6 type 133-136';
  return [
    [`${nd} ip6 nexthdr != ipv6-icmp counter drop`, 'neighbour discovery behind other headers'],
    [`${nd} ip6 hoplimit != 255 counter drop`, 'neighbour discovery from elsewhere'],
    [
      'icmpv6 type nd-router-solicit ip6 length != 8 ip6 length != 16 counter drop',
      'neighbour discovery with more options',
    ],
    [
      'icmpv6 type 135-136 ip6 length != 24 ip6 length != 32 counter drop',
      'neighbour discovery with more options',
    ],
  ];
}

/** Which groups a guest listens to it says behind a router alert, and of another address than its link-local nobody cares. */
function listenerRules(source: string | undefined): readonly RuleWords[] {
  if (source === undefined) return [];
  const to = `ip6 saddr ${source} ip6 daddr ff02::/16 accept`;
  return ['131-132', '143'].map(type => [
    `ip6 nexthdr hopopt hbh nexthdr ipv6-icmp icmpv6 type ${type} ${to}`,
    'says which groups it listens to',
  ]);
}

/**
 * What may come right after the first header; the same for all guests. A fragment of what is behind further headers cannot
 * be told from neighbour discovery (RFC 6980).
 */
export const HEADERS: NftChain = chain('netdev', 'headers', [
  ['ip6 nexthdr { tcp, udp, ipv6-icmp, esp, gre, sctp, vrrp } accept', 'plain'],
  ['ip6 nexthdr ipv6-frag frag nexthdr != { 0, 43, 44, 60 } accept', 'a fragment'],
]);

/** What its packets may come from; nothing where it has no address of the family at all. */
function sourcesOf({ own, linkLocal }: Guest): readonly Prefix[] | 'any' {
  if (own[6] === 'any' || own[6].length === 0 || linkLocal === undefined) return own[6];
  return [...own[6], linkLocal === 'any' ? LINK_LOCAL : hostPrefix(linkLocal)];
}

function localOf({ linkLocal, own }: Guest): string | undefined {
  if (linkLocal === 'any' || own[6] === 'any') return LINK_LOCAL.text;
  return linkLocal?.text;
}

function foreignRules(own: readonly Prefix[]): readonly RuleWords[] {
  const unless = (match: (prefix: Prefix) => string): string => own.map(prefix => match(prefix)).join('');
  return [
    [
      `meta protocol ip6 ${unless(prefix => `ip6 saddr != ${wordOf(prefix)} `)}counter drop`,
      'IPv6 from a foreign address',
    ],
    [
      `icmpv6 type nd-neighbor-advert ${unless(prefix => targetIs(prefix, '!= '))}counter drop`,
      'answers for a foreign address',
    ],
  ];
}

/** Where it may choose its address, the router's is still not its own. */
function routerRules({ own, linkLocal, routers }: Guest): readonly RuleWords[] {
  const isFree = (address: Address): boolean =>
    own[6] === 'any' || (linkLocal === 'any' && isLinkLocal(address));
  const free = routers.filter(address => address.family === 6 && isFree(address));
  return free.flatMap((address): RuleWords[] => {
    const target = targetIs(hostPrefix(address));
    return [
      [`ip6 saddr ${address.text} counter drop`, 'an address of the router'],
      [`icmpv6 type nd-neighbor-advert ${target}counter drop`, 'an address of the router'],
      [`icmpv6 type nd-neighbor-solicit ip6 saddr :: ${target}counter drop`, 'an address of the router'],
    ];
  });
}

/** The option that carries a MAC: SLLA (1) of who asks, TLLA (2) of who answers, each eight bytes long. */
function macRules({ mac }: Guest): readonly RuleWords[] {
  if (mac === undefined) return [];
  const foreign = (type: string, option: number, tag: string): RuleWords => [
    `icmpv6 type ${type} @th,${option},16 ${tag} @th,${option + 16},48 != 0x${hex(macBytes(mac))} counter drop`,
    'neighbour discovery with a foreign MAC',
  ];
  return [
    foreign('nd-router-solicit', 64, '0x0101'),
    foreign('nd-neighbor-solicit', 192, '0x0101'),
    foreign('nd-neighbor-advert', 192, '0x0201'),
  ];
}

/** The target of a neighbour discovery message, as nft 1.0.6 can say it: by its place. */
function targetIs({ address, length }: Prefix, relation = ''): string {
  const bits = BigInt(`0x${hex(addressBytes({ family: 6, text: address }))}`) >> BigInt(128 - length);
  return `@th,64,${length} ${relation}0x${bits.toString(16)} `;
}
