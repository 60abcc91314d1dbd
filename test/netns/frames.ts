// Frames as a guest or a router could make them, byte for byte: what no well-behaved program would send.

export interface Ends {
  readonly from: string;
  readonly to: string;
  readonly fromMac: string;
  readonly toMac: string;
}

/** A UDP datagram of either family. */
export function udp(ends: Ends, fromPort: number, toPort: number): Uint8Array {
  const payload = Buffer.from('vmnet test');
  const header = Buffer.concat([two(fromPort), two(toPort), two(8 + payload.length), two(0)]);
  return packet(ends, 17, Buffer.concat([header, payload]), 64);
}

/** An ARP request for `to`, to everybody. */
export function arpRequest({ from, to, fromMac }: Omit<Ends, 'toMac'>): Uint8Array {
  return Buffer.concat([
    hex('ff:ff:ff:ff:ff:ff'),
    hex(fromMac),
    Buffer.from('080600010800060400', 'hex'),
    Buffer.from([1]),
    hex(fromMac),
    bytes(from),
    Buffer.alloc(6),
    bytes(to),
  ]);
}

/** A neighbour solicitation for `to`: to its solicited-node group, or with `everybody` to all nodes. */
export function solicitation(
  { from, to, fromMac }: Omit<Ends, 'toMac'>,
  { everybody = false }: { everybody?: boolean } = {},
): Uint8Array {
  const low = bytes(to).subarray(13).toString('hex');
  const group = everybody ? 'ff02::1' : `ff02::1:ff${low.slice(0, 2)}:${low.slice(2)}`;
  const toMac = `33:33:${bytes(group).subarray(12).toString('hex').match(/../g)?.join(':')}`;
  const body = Buffer.concat([
    Buffer.from([135, 0, 0, 0, 0, 0, 0, 0]),
    bytes(to),
    Buffer.from([1, 1]),
    hex(fromMac),
  ]);
  const pseudo = Buffer.concat([
    bytes(from),
    bytes(group),
    two(0),
    two(body.length),
    Buffer.from([0, 0, 0, 58]),
  ]);
  body.writeUInt16BE(checksum(Buffer.concat([pseudo, body])), 2);
  return packet({ from, to: group, fromMac, toMac }, 58, body, 255);
}

function packet({ from, to, fromMac, toMac }: Ends, protocol: number, body: Buffer, ttl: number): Uint8Array {
  const six = from.includes(':');
  const ethernet = Buffer.concat([hex(toMac), hex(fromMac), two(six ? 0x86dd : 0x0800)]);
  if (six) {
    const head = Buffer.concat([
      Buffer.from('60000000', 'hex'),
      two(body.length),
      Buffer.from([protocol, ttl]),
    ]);
    return Buffer.concat([ethernet, head, bytes(from), bytes(to), body]);
  }
  const fixed = Buffer.concat([
    Buffer.from('4500', 'hex'),
    two(20 + body.length),
    Buffer.from('00004000', 'hex'),
  ]);
  const head = Buffer.concat([fixed, Buffer.from([ttl, protocol]), two(0), bytes(from), bytes(to)]);
  head.writeUInt16BE(checksum(head), 10);
  return Buffer.concat([ethernet, head, body]);
}

/** RFC 1071, of an even number of bytes. */
function checksum(data: Buffer): number {
  let sum = 0;
  for (let i = 0; i < data.length; i += 2) sum += data.readUInt16BE(i);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}

function bytes(address: string): Buffer {
  if (!address.includes(':')) return Buffer.from(address.split('.').map(Number));
  const [head = '', tail] = address.split('::');
  const groups = (text: string) => text.split(':').filter(Boolean);
  const zeroes = tail === undefined ? 0 : 8 - groups(head).length - groups(tail).length;
  const all = [...groups(head), ...Array<string>(zeroes).fill('0'), ...groups(tail ?? '')];
  return Buffer.concat(all.map(group => two(Number.parseInt(group, 16))));
}

function hex(mac: string): Buffer {
  return Buffer.from(mac.replaceAll(':', ''), 'hex');
}

function two(number: number): Buffer {
  return Buffer.from([number >>> 8, number & 0xff]);
}
