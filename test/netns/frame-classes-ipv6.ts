// What a VM may send over IPv6: what has its own address and names its protocol at once, where a filter can see it.
import {
  DESTINATION_OPTIONS,
  type Ends,
  fragment,
  type Header,
  HOP_BY_HOP,
  icmpv6,
  ipv6,
  ROUTER_ALERT,
  ROUTING_0,
  tcp,
  udp,
} from './frame-bytes.ts';
import { cross, drop, ends6, type FrameClass, local, pass, type Scene, STRANGER } from './frame-scene.ts';
import { cut, listener } from './neighbour-bytes.ts';

const SERVERS = 'ff02::1:2';

export const IPV6_CLASSES: readonly FrameClass[] = [
  cross('IPv6 UDP', s => ipv6(ends6(s), [plain(s)])),
  cross('IPv6 TCP', s => ipv6(ends6(s), [[6, tcp(4000, 4242, s.mark)]])),
  cross('ICMPv6 echo', s => ipv6(ends6(s), [ping(s, ends6(s))])),
  cross('IPv6 fragments of UDP', s => fragmented(ends6(s), [[17, long(s)]])),
  cross('IPv6 fragments of ICMPv6 echo', s => fragmented(ends6(s), [longPing(s)])),
  // Only what a first fragment begins with are ports or a type.
  cross('IPv6 fragments of UDP, of which the second begins like a DHCPv6 server', s =>
    fragmented(ends6(s), [[17, long(s, udp(547, 546, Buffer.alloc(0)))]]),
  ),
  cross('IPv6 fragments of ICMPv6 echo, of which the second begins like a router advertisement', s =>
    fragmented(ends6(s), [longPing(s, Buffer.from('8600000000000000', 'hex'))]),
  ),
  ...[132, 50, 47, 112].map(protocol =>
    cross(`IPv6 protocol ${protocol}`, s => ipv6(ends6(s), [[protocol, plain(s)[1]]])),
  ),
  // IPsec, of a packet that was too long for it.
  cross('IPv6 fragments of ESP', s => fragmented(ends6(s), [[50, long(s)]])),
  pass('IPv6 UDP to the gateway from the link-local address', s =>
    ipv6({ ...local(s, s.gateway.linkLocal), toMac: s.to.mac }, [plain(s)]),
  ),
  pass('ICMPv6 echo from the link-local address', s =>
    ipv6(local(s, 'ff02::1'), [ping(s, local(s, 'ff02::1'))]),
  ),
  pass('IPv6 multicast', s => ipv6(local(s, 'ff02::fb'), [plain(s)], { hopLimit: 255 })),
  pass('IPv6 multicast from the global address', s => ipv6(ends6(s, { to: 'ff0e::77' }), [plain(s)])),
  pass('IPv6 VRRP', s => ipv6(local(s, 'ff02::12'), [[112, plain(s)[1]]], { hopLimit: 255 })),
  pass('DHCPv6 client that asks', s => ipv6(local(s, SERVERS), [[17, udp(546, 547, s.mark)]])),

  ...foreign().map(([whose, from]) =>
    drop(`IPv6 from ${whose}`, s => ipv6(ends6(s, { from: from(s) }), [plain(s)])),
  ),
  drop('ICMPv6 echo from the address of the other VM', s => {
    const ends = ends6(s, { from: s.other.ip6 });
    return ipv6(ends, [ping(s, ends)]);
  }),
  drop('IPv6 multicast from the link-local address of the other VM', s =>
    ipv6({ ...local(s, 'ff02::fb'), from: s.other.linkLocal }, [plain(s)]),
  ),
  drop('VRRP from the link-local address of the gateway', s =>
    ipv6({ ...local(s, 'ff02::12'), from: s.gateway.linkLocal }, [[112, plain(s)[1]]], { hopLimit: 255 }),
  ),
  drop('IPv6 fragments from the address of the other VM', s =>
    fragmented(ends6(s, { from: s.other.ip6 }), [[17, long(s)]]),
  ),
  drop('::, UDP', s => ipv6({ ...local(s, 'ff02::1'), from: '::' }, [plain(s)])),
  drop('::, DHCPv6 client', s => ipv6({ ...local(s, SERVERS), from: '::' }, [[17, udp(546, 547, s.mark)]])),
  drop('::, ICMPv6 echo', s => {
    const ends = { ...local(s, 'ff02::1'), from: '::' };
    return ipv6(ends, [ping(s, ends)]);
  }),

  drop('DHCPv6 server, from the link-local address', s =>
    ipv6({ ...local(s, s.other.linkLocal), toMac: s.to.mac }, [[17, udp(547, 546, s.mark)]]),
  ),
  drop('DHCPv6 server, from the global address', s => ipv6(ends6(s), [[17, udp(547, 546, s.mark)]])),
  // Clients look at the port that is theirs, and at no other.
  drop('DHCPv6 server, from another port', s => ipv6(ends6(s), [[17, udp(4011, 546, s.mark)]])),
  drop('DHCPv6 server, in a first fragment', s =>
    ipv6(ends6(s), [fragment(0, true), [17, udp(547, 546, s.mark)]]),
  ),
  drop('DHCPv6 server, behind destination options', s =>
    ipv6(ends6(s), [DESTINATION_OPTIONS, [17, udp(547, 546, s.mark)]]),
  ),

  ...[4, 41, 51, 59, 88, 89, 135, 139, 140, 253].map(next =>
    drop(`IPv6 next header ${next}`, s => ipv6(ends6(s), [[next, plain(s)[1]]])),
  ),
  ...[HOP_BY_HOP, DESTINATION_OPTIONS, ROUTING_0].map(header =>
    drop(`IPv6 next header ${header[0]}, UDP behind it`, s => ipv6(ends6(s), [header, plain(s)])),
  ),
  drop('IPv6 hop-by-hop and destination options', s =>
    ipv6(ends6(s), [HOP_BY_HOP, DESTINATION_OPTIONS, plain(s)]),
  ),
  drop('IPv6 destination options ten times', s =>
    ipv6(ends6(s), [...Array<Header>(10).fill(DESTINATION_OPTIONS), plain(s)]),
  ),
  drop('IPv6 destination options, then a fragment', s =>
    ipv6(ends6(s), [DESTINATION_OPTIONS, fragment(0, true), plain(s)]),
  ),
  drop('IPv6 jumbogram', s => ipv6(ends6(s), [JUMBO, plain(s)], { length: 0 })),
  ...[0, 43, 44, 60].flatMap(next => [
    drop(`IPv6 first fragment of ${next}`, s => ipv6(ends6(s), [fragment(0, true), [next, plain(s)[1]]])),
    drop(`IPv6 later fragment of ${next}`, s => ipv6(ends6(s), [fragment(64, false), [next, plain(s)[1]]])),
  ]),

  ...[131, 132, 143].flatMap(type => [
    pass(`MLD ${type}`, s => listener(local(s, 'ff02::16'), type)),
    pass(`MLD ${type} from ::`, s => listener({ ...local(s, 'ff02::16'), from: '::' }, type)),
    drop(`MLD ${type} from the link-local address of the other VM`, s =>
      listener({ ...local(s, 'ff02::16'), from: s.other.linkLocal }, type),
    ),
    drop(`MLD ${type} from a MAC that nobody has`, s =>
      listener({ ...local(s, 'ff02::16'), fromMac: STRANGER }, type),
    ),
    drop(`MLD ${type} behind two headers`, s =>
      listener(local(s, 'ff02::16'), type, [ROUTER_ALERT, DESTINATION_OPTIONS]),
    ),
  ]),
  drop('MLD query', s => listener(local(s, 'ff02::1'), 130)),
  drop('MLD query without hop-by-hop options', s => listener(local(s, 'ff02::1'), 130, [])),
  drop('MLD query from ::', s => listener({ ...local(s, 'ff02::1'), from: '::' }, 130)),
  drop('MLD query from the link-local address of the gateway', s =>
    listener({ ...local(s, 'ff02::1'), from: s.gateway.linkLocal }, 130),
  ),
];

const JUMBO: Header = [0, Buffer.from('0000c20400010000', 'hex')];

function foreign(): readonly (readonly [string, (scene: Scene) => string])[] {
  return [
    ['the address of the other VM', s => s.other.ip6],
    ['the link-local address of the other VM', s => s.other.linkLocal],
    ['the address of the gateway', s => s.gateway.ip6],
    ['the link-local address of the gateway', s => s.gateway.linkLocal],
    ['a free address of the subnet', s => s.own.ip6.replace(/[^:]+$/, '77')],
    ['a free link-local address', () => 'fe80::77'],
    ['an address of the outside', () => '2001:db8:ffff::99'],
    ['::1', () => '::1'],
    ['its own IPv4 address, mapped', s => mapped(s.own.ip)],
    ['a multicast address', () => 'ff02::1'],
  ];
}

function mapped(ip: string): string {
  const [a = 0, b = 0, c = 0, d = 0] = ip.split('.').map(Number);
  return `::ffff:${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
}

function plain({ mark }: Scene): Header {
  return [17, udp(4000, 4242, mark)];
}

function ping({ mark }: Scene, ends: Ends): Header {
  return icmpv6(ends, 128, Buffer.concat([Buffer.from('766d0001', 'hex'), mark]));
}

/** With a mark in the first 24 bytes and in the rest, and `begin` in between. */
function long({ mark }: Scene, begin: Buffer = Buffer.alloc(0)): Buffer {
  return udp(4000, 4242, Buffer.concat([mark, begin, mark]));
}

function longPing({ own, to, mark }: Scene, begin: Buffer = Buffer.alloc(0)): Header {
  const id = Buffer.from('766d0001', 'hex');
  return icmpv6({ from: own.ip6, to: to.ip6 }, 128, Buffer.concat([id, mark, begin, mark]));
}

function fragmented(ends: Ends, headers: readonly Header[]): readonly Buffer[] {
  const [first, second] = cut(headers, 24);
  return [ipv6(ends, [fragment(0, true), first]), ipv6(ends, [fragment(24, false), second])];
}
