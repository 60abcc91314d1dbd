// What a VM may send below IP: its own MAC, no tags, no encapsulation; ARP for itself; RARP when it has moved.
import {
  type Arp,
  arp,
  EVERYBODY,
  ethernet,
  hex,
  ipv4,
  ipv6,
  llc,
  snap,
  tagged,
  udp,
} from './frame-bytes.ts';
import { drop, ends4, ends6, type FrameClass, pass, type Scene, STRANGER } from './frame-scene.ts';
import { advertisedRouter } from './neighbour-bytes.ts';

export const ETHERNET_CLASSES: readonly FrameClass[] = [
  drop('own IPv4 address from a MAC that nobody has', s => plain4(s, STRANGER)),
  drop('own IPv6 address from a MAC that nobody has', s => plain6(s, STRANGER)),
  drop('own IPv4 address from the MAC of the gateway', s => plain4(s, s.gateway.mac)),
  drop('own IPv6 address from the MAC of the gateway', s => plain6(s, s.gateway.mac)),
  drop('ARP from a MAC that nobody has, of which it speaks', s => arpFrame(s, { sha: STRANGER }, STRANGER)),
  drop('ARP from a MAC that nobody has, speaking of its own', s => arpFrame(s, {}, STRANGER)),
  drop('RARP from a MAC that nobody has', s => rarp(s, STRANGER, STRANGER)),

  drop('802.1Q, VLAN 0, IPv4', s => tagged(plain4(s), 0)),
  drop('802.1Q, VLAN 0, IPv6', s => tagged(plain6(s), 0)),
  drop('802.1Q, VLAN 5, IPv4', s => tagged(plain4(s), 5)),
  drop('802.1Q, VLAN 5, IPv6', s => tagged(plain6(s), 5)),
  drop('802.1ad, VLAN 5, IPv4', s => tagged(plain4(s), 5, 0x88a8)),
  drop('QinQ, 802.1ad outside 802.1Q, IPv4', s => tagged(tagged(plain4(s), 6), 5, 0x88a8)),
  drop('QinQ, 802.1Q twice, IPv6', s => tagged(tagged(plain6(s), 6), 5)),
  drop('802.1Q, VLAN 0, own ARP', s => tagged(arpFrame(s, {}), 0)),
  drop('802.1Q, VLAN 0, ARP that speaks for the gateway', s => tagged(arpFrame(s, ofGateway(s)), 0)),
  drop('802.1Q, VLAN 5, ARP that speaks for the gateway', s => tagged(arpFrame(s, ofGateway(s)), 5)),
  drop('802.1ad, VLAN 0, ARP that speaks for the gateway', s => tagged(arpFrame(s, ofGateway(s)), 0, 0x88a8)),
  drop('802.1Q, VLAN 0, router advertisement', s => tagged(advertisedRouter(s), 0)),
  drop('802.1Q, VLAN 0, RARP', s => tagged(rarp(s, s.own.mac), 0)),

  drop('LLC/SNAP, own ARP', s => snap(arpFrame(s, {}))),
  drop('LLC/SNAP, ARP that speaks for the gateway', s => snap(arpFrame(s, ofGateway(s)))),
  drop('LLC/SNAP, IPv4', s => snap(plain4(s))),
  drop('LLC/SNAP, router advertisement', s => snap(advertisedRouter(s))),
  drop('802.1Q, VLAN 0, with LLC/SNAP, router advertisement', s => tagged(snap(advertisedRouter(s)), 0)),
  drop('spanning tree', s => llc(bare(s, '01:80:c2:00:00:00', 0), BPDU)),
  drop('Cisco discovery', s =>
    llc(bare(s, '01:00:0c:cc:cc:cc', 0), hex('aaaa0300000c20000'.padEnd(40, '0'))),
  ),
  drop('LLDP', s => bare(s, '01:80:c2:00:00:0e', 0x88cc)),
  drop('LLDP to everybody', s => bare(s, EVERYBODY, 0x88cc)),
  ...[0x8847, 0x8863, 0x8864, 0x888e, 0x9000, 0x22f3, 0x0600, 0xffff].map(type =>
    drop(`ethertype 0x${type.toString(16).padStart(4, '0')}`, s => bare(s, EVERYBODY, type)),
  ),
];

export const ARP_CLASSES: readonly FrameClass[] = [
  pass('ARP request for the gateway', s => arpFrame(s, {})),
  pass('ARP request for the other VM', s => arpFrame(s, { tpa: s.other.ip })),
  pass('ARP request, unicast', s => arpFrame(s, { tha: s.to.mac }, s.own.mac, s.to.mac)),
  pass('ARP reply', s => arpFrame(s, { op: 2, tha: s.to.mac }, s.own.mac, s.to.mac)),
  pass('ARP request, gratuitous', s => arpFrame(s, { tpa: s.own.ip })),
  pass('ARP reply, gratuitous', s => arpFrame(s, { op: 2, tpa: s.own.ip, tha: s.own.mac })),
  pass('ARP probe for its own address', s => arpFrame(s, { spa: '0.0.0.0', tpa: s.own.ip })),

  drop("ARP probe for the other VM's address", s => arpFrame(s, { spa: '0.0.0.0', tpa: s.other.ip })),
  drop("ARP probe for the gateway's address", s => arpFrame(s, { spa: '0.0.0.0', tpa: s.gateway.ip })),
  drop('ARP reply from 0.0.0.0', s => arpFrame(s, { op: 2, spa: '0.0.0.0', tpa: s.own.ip })),
  drop('ARP request from 255.255.255.255', s => arpFrame(s, { spa: '255.255.255.255' })),
  ...[1, 2].flatMap(op => [
    drop(`ARP op ${op}, sender hardware address of nobody`, s => arpFrame(s, { op, sha: STRANGER })),
    drop(`ARP op ${op}, sender hardware address of the other VM`, s => arpFrame(s, { op, sha: s.other.mac })),
    drop(`ARP op ${op} for the other VM`, s => arpFrame(s, { op, spa: s.other.ip })),
    drop(`ARP op ${op} for the gateway`, s => arpFrame(s, { op, ...ofGateway(s) })),
    drop(`ARP op ${op}, gratuitous for the other VM`, s => arpFrame(s, { op, ...twice(s.other.ip) })),
    drop(`ARP op ${op}, gratuitous for the gateway`, s => arpFrame(s, { op, ...twice(s.gateway.ip) })),
  ]),
  drop('ARP reply for the gateway, unicast', s =>
    arpFrame(s, { op: 2, spa: s.gateway.ip, tha: s.to.mac }, s.own.mac, s.to.mac),
  ),
  drop('ARP, hardware type 6', s => arpFrame(s, { head: '000608000604' })),
  drop('ARP, protocol type 86dd', s => arpFrame(s, { head: '000186dd0604' })),
  drop('ARP, hardware addresses of 8 bytes', s => arpFrame(s, { head: '000108000804' })),
  drop('ARP, protocol addresses of 16 bytes', s => arpFrame(s, { head: '000108000610' })),
  ...[0, 3, 4, 8, 9, 10, 0x0102].map(op => drop(`ARP op ${op}`, s => arpFrame(s, { op }))),

  pass('RARP of a guest that has moved', s => rarp(s, s.own.mac)),
  drop('RARP with the hardware address of the other VM', s => rarp(s, s.other.mac)),
];

/** A gratuitous RARP, as QEMU sends it. */
export function rarp(scene: Pick<Scene, 'own'>, sha: string, fromMac = scene.own.mac): Buffer {
  const body = arp({ op: 3, sha, spa: '0.0.0.0', tha: sha, tpa: '0.0.0.0' });
  return ethernet(EVERYBODY, fromMac, 0x8035, body);
}

/** A request of the NIC's own for the gateway, to everybody, but for what `change` says. */
function arpFrame(scene: Scene, change: Partial<Arp>, fromMac = scene.own.mac, toMac = EVERYBODY): Buffer {
  const own = { op: 1, sha: scene.own.mac, spa: scene.own.ip, tpa: scene.gateway.ip };
  return ethernet(toMac, fromMac, 0x0806, arp({ ...own, ...change }));
}

/** To say that the gateway is here. */
function ofGateway({ gateway, other }: Scene): Partial<Arp> {
  return { spa: gateway.ip, tpa: other.ip };
}

function twice(ip: string): Partial<Arp> {
  return { spa: ip, tpa: ip };
}

function plain4(scene: Scene, fromMac = scene.own.mac): Buffer {
  return ipv4(ends4(scene, { fromMac }), 17, udp(4000, 4242, scene.mark));
}

function plain6(scene: Scene, fromMac = scene.own.mac): Buffer {
  return ipv6(ends6(scene, { fromMac }), [[17, udp(4000, 4242, scene.mark)]]);
}

function bare({ own, mark }: Scene, toMac: string, type: number): Buffer {
  return ethernet(toMac, own.mac, type, mark);
}

/** LLC 42, then a configuration message that claims to be the root. */
const BPDU = hex(
  `424203${'0000000000'}${'0000020000000001'}${'00000000'}${'0000020000000001'}80010000140002000f00`,
);
