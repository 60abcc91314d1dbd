// Ethernet frames of 64 bytes, as hex: one UDP datagram each, to the discard port.

export interface Packet {
  readonly fromMac: string;
  readonly toMac: string;
  readonly from: string;
  readonly to: string;
}

const FRAME = 64;
const UDP = 17;
const TTL = 64;

/** The family is that of the addresses. The UDP checksum is left out or wrong: nobody on the way looks at it. */
export function frameOf({ fromMac, toMac, from, to }: Packet): string {
  const six = to.includes(':');
  const size = FRAME - 14 - (six ? 40 : 20);
  const udp = [...word(40000), ...word(9), ...word(size), ...new Array<number>(size - 6).fill(0)];
  const [type, packet] = six ? [0x86dd, ip6(from, to, udp)] : [0x0800, ip4(from, to, udp)];
  return Buffer.from([...macOf(toMac), ...macOf(fromMac), ...word(type), ...packet]).toString('hex');
}

function ip4(from: string, to: string, data: readonly number[]): readonly number[] {
  const head = [
    0x45,
    0,
    ...word(20 + data.length),
    0,
    0,
    0,
    0,
    TTL,
    UDP,
    0,
    0,
    ...bytes4(from),
    ...bytes4(to),
  ];
  return [...head.slice(0, 10), ...word(checksum(head)), ...head.slice(12), ...data];
}

function ip6(from: string, to: string, data: readonly number[]): readonly number[] {
  return [0x60, 0, 0, 0, ...word(data.length), UDP, TTL, ...bytes6(from), ...bytes6(to), ...data];
}

function checksum(head: readonly number[]): number {
  let sum = 0;
  for (let i = 0; i < head.length; i += 2) sum += (head[i] ?? 0) * 256 + (head[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return ~sum & 0xffff;
}

function word(value: number): readonly number[] {
  return [value >> 8, value & 0xff];
}

function macOf(text: string): readonly number[] {
  return text.split(':').map(byte => Number.parseInt(byte, 16));
}

function bytes4(text: string): readonly number[] {
  return text.split('.').map(Number);
}

function bytes6(text: string): readonly number[] {
  const [left = [], right = []] = text.split('::').map(half => half.split(':').filter(group => group !== ''));
  const zeros = new Array<string>(8 - left.length - right.length).fill('0');
  return [...left, ...zeros, ...right].flatMap(group => word(Number.parseInt(group, 16)));
}
