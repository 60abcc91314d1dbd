// Frames byte for byte, right or wrong as the caller wants them: Ethernet, its tags, ARP, IPv4 and IPv6.

export interface Ends {
  readonly from: string;
  readonly to: string;
  readonly fromMac: string;
  /** Default: the MAC of the group `to`. */
  readonly toMac?: string;
}

export const EVERYBODY = 'ff:ff:ff:ff:ff:ff';

export function ethernet(toMac: string, fromMac: string, type: number, body: Uint8Array): Buffer {
  return Buffer.concat([hex(toMac), hex(fromMac), two(type), body]);
}

/** The same frame behind a VLAN tag; again for a second one, outside the first. */
export function tagged(frame: Buffer, id: number, type = 0x8100): Buffer {
  return Buffer.concat([frame.subarray(0, 12), two(type), two(id), frame.subarray(12)]);
}

/** The same frame in 802.3: a length, LLC, and SNAP with the ethertype. */
export function snap(frame: Buffer): Buffer {
  return llc(frame, Buffer.concat([hex('aa:aa:03:00:00:00'), frame.subarray(12)]));
}

/** 802.3 with the MACs of `frame`. */
export function llc(frame: Buffer, body: Uint8Array): Buffer {
  return Buffer.concat([frame.subarray(0, 12), two(body.length), body]);
}

export interface Arp {
  /** 1 request, 2 reply. */
  readonly op: number;
  readonly sha: string;
  readonly spa: string;
  readonly tpa: string;
  readonly tha?: string;
  /** The fixed part in front of `op`: hardware type, protocol type and the two lengths. */
  readonly head?: string;
}

export function arp({ op, sha, spa, tpa, tha = '00:00:00:00:00:00', head = '000108000604' }: Arp): Buffer {
  const fixed = Buffer.from(head, 'hex');
  return Buffer.concat([fixed, two(op), hex(sha), bytes(spa), hex(tha), bytes(tpa)]);
}

export interface Ipv4Rest {
  readonly ttl?: number;
  /** Offset in bytes. */
  readonly fragment?: { readonly offset: number; readonly more: boolean };
  readonly options?: Buffer;
}

export function ipv4(ends: Ends, protocol: number, body: Uint8Array, rest: Ipv4Rest = {}): Buffer {
  const { ttl = 64, fragment, options = Buffer.alloc(0) } = rest;
  const length = 20 + options.length;
  const flags = fragment === undefined ? 0 : (fragment.more ? 0x2000 : 0) | (fragment.offset / 8);
  const head = Buffer.concat([
    Buffer.from([0x40 | (length / 4), 0]),
    two(length + body.length),
    // All fragments that a test sends are of one datagram.
    two(0x766d),
    two(flags),
    Buffer.from([ttl, protocol, 0, 0]),
    bytes(ends.from),
    bytes(ends.to),
    options,
  ]);
  head.writeUInt16BE(checksum(head), 10);
  return ethernet(ends.toMac ?? groupMac(ends.to), ends.fromMac, 0x0800, Buffer.concat([head, body]));
}

/** An extension header or the payload, by protocol number; the first byte of all but the last is overwritten. */
export type Header = readonly [protocol: number, content: Buffer];

export interface Ipv6Rest {
  readonly hopLimit?: number;
  /** What the header says of the payload's length. */
  readonly length?: number;
}

export function ipv6(ends: Ends, headers: readonly Header[], rest: Ipv6Rest = {}): Buffer {
  const payload = joined(headers);
  const head = Buffer.concat([
    Buffer.from('60000000', 'hex'),
    two(rest.length ?? payload.length),
    Buffer.from([headers[0]?.[0] ?? 59, rest.hopLimit ?? 64]),
    bytes(ends.from),
    bytes(ends.to),
  ]);
  return ethernet(ends.toMac ?? groupMac(ends.to), ends.fromMac, 0x86dd, Buffer.concat([head, payload]));
}

/** The headers in a row, each naming the next. */
export function joined(headers: readonly Header[]): Buffer {
  return Buffer.concat(
    headers.map(([, content], i) => {
      const next = headers[i + 1];
      return next === undefined ? content : Buffer.concat([Buffer.from([next[0]]), content.subarray(1)]);
    }),
  );
}

/** A fragment header; offset in bytes. */
export function fragment(offset: number, more: boolean): Header {
  return [44, Buffer.concat([two(0), two(offset | (more ? 1 : 0)), Buffer.from('766d6e74', 'hex')])];
}

export const HOP_BY_HOP: Header = [0, Buffer.from('0000010400000000', 'hex')];
export const ROUTER_ALERT: Header = [0, Buffer.from('0000050200000100', 'hex')];
export const DESTINATION_OPTIONS: Header = [60, Buffer.from('0000010400000000', 'hex')];
/** RFC 5095 did away with it: type 0, one address to go. */
export const ROUTING_0: Header = [43, Buffer.from(`0002000100000000${'20010db8'.padEnd(32, '1')}`, 'hex')];

export function udp(fromPort: number, toPort: number, payload: Uint8Array): Buffer {
  return Buffer.concat([two(fromPort), two(toPort), two(8 + payload.length), two(0), payload]);
}

/** A SYN, with data. */
export function tcp(fromPort: number, toPort: number, payload: Uint8Array): Buffer {
  const rest = Buffer.from('00000001000000005002040000000000', 'hex');
  return Buffer.concat([two(fromPort), two(toPort), rest, payload]);
}

/** An ICMP echo request. */
export function echo(payload: Uint8Array): Buffer {
  return icmp(8, Buffer.concat([Buffer.from('766d0001', 'hex'), payload]));
}

/** An ICMP message: type, code, and what comes after the checksum. */
export function icmp(type: number, rest: Uint8Array, code = 0): Buffer {
  const body = Buffer.concat([Buffer.from([type, code, 0, 0]), rest]);
  body.writeUInt16BE(checksum(body), 2);
  return body;
}

/** An ICMPv6 message: type, code 0, and what comes after the checksum. */
export function icmpv6({ from, to }: Pick<Ends, 'from' | 'to'>, type: number, rest: Uint8Array): Header {
  const body = Buffer.concat([Buffer.from([type, 0, 0, 0]), rest]);
  const pseudo = [bytes(from), bytes(to), two(0), two(body.length), Buffer.from([0, 0, 0, 58])];
  body.writeUInt16BE(checksum(Buffer.concat([...pseudo, body])), 2);
  return [58, body];
}

export function bytes(address: string): Buffer {
  if (!address.includes(':')) return Buffer.from(address.split('.').map(Number));
  const [head = '', tail] = address.split('::');
  const groups = (text: string) => text.split(':').filter(Boolean);
  const zeroes = tail === undefined ? 0 : 8 - groups(head).length - groups(tail).length;
  const all = [...groups(head), ...Array<string>(zeroes).fill('0'), ...groups(tail ?? '')];
  return Buffer.concat(all.map(group => two(Number.parseInt(group, 16))));
}

export function hex(mac: string): Buffer {
  return Buffer.from(mac.replaceAll(':', ''), 'hex');
}

export function two(number: number): Buffer {
  return Buffer.from([number >>> 8, number & 0xff]);
}

/** The solicited-node group of an address. */
export function solicitedGroup(address: string): string {
  const low = bytes(address).subarray(13).toString('hex');
  return `ff02::1:ff${low.slice(0, 2)}:${low.slice(2)}`;
}

/** Where frames to a multicast or broadcast address go (RFC 1112, RFC 2464). */
function groupMac(address: string): string {
  const low = bytes(address);
  if (address.includes(':')) return `3333${low.subarray(12).toString('hex')}`;
  if (address === '255.255.255.255') return EVERYBODY;
  return Buffer.from([1, 0, 0x5e, (low[1] ?? 0) & 0x7f, low[2] ?? 0, low[3] ?? 0]).toString('hex');
}

/** RFC 1071. */
function checksum(data: Uint8Array): number {
  const even = Buffer.concat([data, Buffer.alloc(data.length % 2)]);
  let sum = 0;
  for (let i = 0; i < even.length; i += 2) sum += even.readUInt16BE(i);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
