import { type Address, addressBytes } from '../model/address.ts';
import type { Ifname } from '../model/ifname.ts';
import { type Mac, macBytes } from '../model/mac.ts';

/** That `address` is now behind `mac`, to be said on the segment of `dev`. */
export interface Announcement {
  /** The tap that has the address. */
  readonly tap: Ifname;
  readonly dev: Ifname;
  readonly mac: Mac;
  /** The device's own link-local address, which a neighbour advertisement has to come from. */
  readonly linkLocal?: Address;
  readonly address: Address;
}

const BROADCAST = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
/** ff02::1. */
const ALL_NODES = [0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
const ICMPV6 = 58;

/**
 * Ethernet frames that make every neighbour overwrite its cache entry of the address at once. IPv4: a gratuitous ARP
 * request and a reply, since some stacks heed only the one or the other. IPv6: an unsolicited neighbour advertisement;
 * none without a link-local address, as receivers drop one from the unspecified address.
 */
export function announcementFrames(announcement: Announcement): readonly Uint8Array[] {
  const mac = [...macBytes(announcement.mac)];
  const target = [...addressBytes(announcement.address)];
  if (announcement.address.family === 4) {
    return [gratuitousArp(mac, target, 1, [0, 0, 0, 0, 0, 0]), gratuitousArp(mac, target, 2, mac)];
  }
  if (announcement.linkLocal === undefined) return [];
  return [unsolicitedAdvertisement(mac, target, [...addressBytes(announcement.linkLocal)])];
}

/** RFC 5227 section 3: sender and target address are the same. */
function gratuitousArp(
  mac: readonly number[],
  address: readonly number[],
  operation: 1 | 2,
  target: readonly number[],
): Uint8Array {
  const ethernetIpv4 = [0, 1, 0x08, 0x00, 6, 4];
  const arp = [...ethernetIpv4, 0, operation, ...mac, ...address, ...target, ...address];
  return Uint8Array.from([...BROADCAST, ...mac, 0x08, 0x06, ...arp]);
}

/** RFC 4861 sections 4.4 and 7.2.6: Override set, Router and Solicited clear. */
function unsolicitedAdvertisement(
  mac: readonly number[],
  target: readonly number[],
  source: readonly number[],
): Uint8Array {
  const override = [0x20, 0, 0, 0];
  const targetLinkLayer = [2, 1, ...mac];
  return discoveryFrame({
    mac,
    source,
    group: ALL_NODES,
    type: 136,
    body: [...override, ...target, ...targetLinkLayer],
  });
}

/** A packet of neighbour discovery to a multicast group; its hop limit is 255, or it is dropped. */
export function discoveryFrame(packet: {
  readonly mac: readonly number[];
  readonly source: readonly number[];
  readonly group: readonly number[];
  readonly type: number;
  readonly body: readonly number[];
}): Uint8Array {
  const { mac, source, group, type, body } = packet;
  const length = 4 + body.length;
  const pseudoHeader = [...source, ...group, 0, 0, 0, length, 0, 0, 0, ICMPV6];
  const sum = internetChecksum([...pseudoHeader, type, 0, 0, 0, ...body]);
  const icmp = [type, 0, sum >> 8, sum & 0xff, ...body];
  const ipv6 = [0x60, 0, 0, 0, 0, length, ICMPV6, 255, ...source, ...group];
  return Uint8Array.from([0x33, 0x33, ...group.slice(12), ...mac, 0x86, 0xdd, ...ipv6, ...icmp]);
}

/** RFC 1071, over an even number of bytes. */
function internetChecksum(bytes: readonly number[]): number {
  let sum = bytes.reduce((total, byte, i) => total + (i % 2 === 0 ? byte << 8 : byte), 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return ~sum & 0xffff;
}
