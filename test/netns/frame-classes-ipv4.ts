// What a VM may send over IPv4: whatever has its own address, but for the answers of a DHCP server.
import { bytes, type Ends, echo, icmp, ipv4, tcp, udp } from './frame-bytes.ts';
import { cross, drop, ends4, type FrameClass, pass, type Scene } from './frame-scene.ts';

const ALL = '255.255.255.255';

export const IPV4_CLASSES: readonly FrameClass[] = [
  cross('IPv4 UDP', s => ipv4(ends4(s), 17, plain(s))),
  cross('IPv4 TCP', s => ipv4(ends4(s), 6, tcp(4000, 4242, s.mark))),
  cross('ICMP echo', s => ipv4(ends4(s), 1, echo(s.mark))),
  ...[47, 50, 132].map(protocol =>
    cross(`IPv4 protocol ${protocol}`, s => ipv4(ends4(s), protocol, plain(s))),
  ),
  cross('IPv4 fragments of UDP', s => fragments(s)),
  // Only what a first fragment begins with are ports.
  cross('IPv4 fragments of UDP, of which the second begins like a DHCP server', s =>
    fragments(s, s.own.ip, udp(67, 68, Buffer.alloc(0))),
  ),
  cross('IPv4 DHCP client that renews', s => ipv4(ends4(s), 17, udp(68, 67, s.mark))),
  pass('IPv4 multicast', s => ipv4(ends4(s, { to: '239.1.2.3' }), 17, plain(s))),
  pass('IPv4 broadcast', s => ipv4(ends4(s, { to: ALL }), 17, plain(s))),
  pass('IGMP report', s =>
    ipv4(ends4(s, { to: '224.0.0.22' }), 2, IGMP_REPORT, { ttl: 1, options: ROUTER_ALERT }),
  ),
  pass('IPv4 VRRP', s => ipv4(ends4(s, { to: '224.0.0.18' }), 112, plain(s), { ttl: 255 })),
  pass('DHCP client that asks', s => ipv4(ends4(s, { from: '0.0.0.0', to: ALL }), 17, udp(68, 67, s.mark))),

  ...foreign().map(([whose, from]) =>
    drop(`IPv4 from ${whose}`, s => ipv4(ends4(s, { from: from(s) }), 17, plain(s))),
  ),
  drop('ICMP echo from the address of the other VM', s => ipv4(otherVm(s), 1, echo(s.mark))),
  drop('IPv4 multicast from the address of the other VM', s =>
    ipv4(ends4(s, { from: s.other.ip, to: '239.1.2.3' }), 17, plain(s)),
  ),
  drop('IPv4 fragments from the address of the other VM', s => fragments(s, s.other.ip)),
  drop('VRRP from the address of the gateway', s =>
    ipv4(ends4(s, { from: s.gateway.ip, to: '224.0.0.18' }), 112, plain(s), { ttl: 255 }),
  ),

  drop('0.0.0.0, UDP 4000 to 67', s => ipv4(nobody(s), 17, udp(4000, 67, s.mark))),
  drop('0.0.0.0, UDP 68 to 53', s => ipv4(nobody(s), 17, udp(68, 53, s.mark))),
  drop('0.0.0.0, UDP 67 to 68', s => ipv4(nobody(s), 17, udp(67, 68, s.mark))),
  drop('0.0.0.0, TCP 68 to 67', s => ipv4(nobody(s), 6, tcp(68, 67, s.mark))),
  drop('0.0.0.0, ICMP echo', s => ipv4(nobody(s), 1, echo(s.mark))),
  drop('0.0.0.0, a later fragment', s =>
    ipv4(nobody(s), 17, udp(68, 67, s.mark), { fragment: { offset: 24, more: false } }),
  ),
  drop('0.0.0.0, DHCP client to one server', s =>
    ipv4(ends4(s, { from: '0.0.0.0' }), 17, udp(68, 67, s.mark)),
  ),
  drop('0.0.0.0, IGMP report', s =>
    ipv4(ends4(s, { from: '0.0.0.0', to: '224.0.0.22' }), 2, IGMP_REPORT, { ttl: 1, options: ROUTER_ALERT }),
  ),

  drop('DHCP server, from its own address, to everybody', s =>
    ipv4(ends4(s, { to: ALL }), 17, udp(67, 68, s.mark)),
  ),
  drop('DHCP server, from its own address, to one client', s => ipv4(ends4(s), 17, udp(67, 68, s.mark))),
  // Clients look at the port that is theirs, and at no other.
  drop('DHCP server, from another port', s => ipv4(ends4(s, { to: ALL }), 17, udp(4011, 68, s.mark))),
  drop('DHCP server, from the address of the gateway', s =>
    ipv4(ends4(s, { from: s.gateway.ip, to: ALL }), 17, udp(67, 68, s.mark)),
  ),
  drop('DHCP server, behind IPv4 options', s =>
    ipv4(ends4(s, { to: ALL }), 17, udp(67, 68, s.mark), { options: ROUTER_ALERT }),
  ),
  drop('DHCP server, in a first fragment', s =>
    ipv4(ends4(s, { to: ALL }), 17, udp(67, 68, s.mark), { fragment: { offset: 0, more: true } }),
  ),

  ...routerMessages().flatMap(([what, body]) => [
    drop(what, s => ipv4(ends4(s), 1, body(s), { ttl: 255 })),
    drop(`${what}, to all`, s => ipv4(ends4(s, { to: '224.0.0.1' }), 1, body(s), { ttl: 1 })),
    drop(`${what}, from the address of the gateway`, s =>
      ipv4(ends4(s, { from: s.gateway.ip }), 1, body(s), { ttl: 255 }),
    ),
    drop(`${what}, behind IPv4 options`, s => ipv4(ends4(s), 1, body(s), { options: ROUTER_ALERT })),
    drop(`${what}, in a first fragment`, s =>
      ipv4(ends4(s), 1, body(s), { fragment: { offset: 0, more: true } }),
    ),
  ]),
];

const ROUTER_ALERT = Buffer.from('94040000', 'hex');
/** Version 3: joins 239.1.2.3. */
const IGMP_REPORT = Buffer.from('2200e8f90000000104000000ef010203', 'hex');

/** What only a router says: where to send (RFC 1256), and where to send instead. */
function routerMessages(): readonly (readonly [string, (scene: Scene) => Buffer])[] {
  const gateway = ({ own }: Scene): Buffer => bytes(own.ip);
  return [
    // One address, of one word and a preference, for half an hour.
    [
      'ICMP router advertisement',
      s => icmp(9, Buffer.concat([Buffer.from('01020708', 'hex'), gateway(s), Buffer.alloc(4), s.mark])),
    ],
    [
      'ICMP redirect',
      s => {
        const cause = ipv4(ends4(s, { from: s.to.ip, to: s.own.ip }), 17, plain(s)).subarray(14);
        return icmp(5, Buffer.concat([gateway(s), cause]), 1);
      },
    ],
  ];
}

function foreign(): readonly (readonly [string, (scene: Scene) => string])[] {
  return [
    ['the address of the other VM', s => s.other.ip],
    ['the address of the gateway', s => s.gateway.ip],
    ['a free address of the subnet', s => s.own.ip.replace(/\d+$/, '77')],
    ['an address of the outside', () => '203.0.113.99'],
    ['127.0.0.1', () => '127.0.0.1'],
    ['169.254.1.1', () => '169.254.1.1'],
    ['a multicast address', () => '224.0.0.1'],
    ['255.255.255.255', () => ALL],
  ];
}

function plain({ mark }: Scene): Buffer {
  return udp(4000, 4242, mark);
}

function otherVm(scene: Scene): Ends {
  return ends4(scene, { from: scene.other.ip });
}

function nobody(scene: Scene): Ends {
  return ends4(scene, { from: '0.0.0.0', to: ALL });
}

/** One datagram in two; the mark is in both, and `begin` in front of the second. */
function fragments(scene: Scene, from = scene.own.ip, begin: Buffer = Buffer.alloc(0)): readonly Buffer[] {
  const whole = udp(4000, 4242, Buffer.concat([scene.mark, begin, scene.mark]));
  const at = 24;
  return [
    ipv4(ends4(scene, { from }), 17, whole.subarray(0, at), { fragment: { offset: 0, more: true } }),
    ipv4(ends4(scene, { from }), 17, whole.subarray(at), { fragment: { offset: at, more: false } }),
  ];
}
