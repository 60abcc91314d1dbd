import { Address4, Address6 } from 'ip-address';
import { quoted, VmnetError } from '../errors.ts';
import { type Mac, macBytes } from './mac.ts';

export type Family = 4 | 6;
export const FAMILIES: readonly Family[] = [4, 6];

/** One address, in the text that `ip -j` prints for it. */
export interface Address {
  readonly family: Family;
  readonly text: string;
}

/** A network prefix with its host bits zero; `text` is what `ip -j` prints, with the length always there. */
export interface Prefix {
  readonly family: Family;
  readonly address: string;
  readonly length: number;
  readonly text: string;
}

/** Parses an IPv4 or IPv6 unicast address without a prefix length. */
export function parseAddress(text: string, where: string): Address {
  const parsed = text.includes('/') ? undefined : parseEither(text);
  if (parsed === undefined) {
    throw new VmnetError('request', `${quoted(text)} is no IP address`, {
      where,
      hint: 'give one IPv4 or IPv6 address without a prefix length',
    });
  }
  if (!isUnicast(parsed.bits, parsed.family)) {
    throw new VmnetError('request', `${parsed.text} is no unicast address`, {
      where,
      hint: 'a NIC needs an address of its own',
    });
  }
  return { family: parsed.family, text: parsed.text };
}

/** Parses `address/length`; `hostBits: 'refuse'` makes 10.0.0.5/24 an error instead of 10.0.0.0/24. */
export function parsePrefix(text: string, where: string, hostBits: 'refuse' | 'clear' = 'clear'): Prefix {
  const [address = '', length = '', ...rest] = text.split('/');
  const parsed = rest.length > 0 ? undefined : parseEither(address);
  const width = parsed?.family === 4 ? 32 : 128;
  if (parsed === undefined || !/^\d{1,3}$/.test(length) || Number(length) > width) {
    throw new VmnetError('request', `${quoted(text)} is no prefix`, {
      where,
      hint: 'write it as 192.0.2.0/24 or 2001:db8::/64',
    });
  }
  const prefix = prefixOf(parsed.bits, parsed.family, Number(length));
  if (hostBits === 'refuse' && prefix.address !== parsed.text) {
    throw new VmnetError('request', `${quoted(text)} has bits set below its length`, {
      where,
      hint: `write ${prefix.text}`,
    });
  }
  return prefix;
}

/** The /32 or /128 that holds only this address. */
export function hostPrefix(address: Address): Prefix {
  const length = address.family === 4 ? 32 : 128;
  return { family: address.family, address: address.text, length, text: `${address.text}/${length}` };
}

/** 0.0.0.0/0 or ::/0. */
export function defaultPrefix(family: Family): Prefix {
  const address = family === 4 ? '0.0.0.0' : '::';
  return { family, address, length: 0, text: `${address}/0` };
}

export function contains(prefix: Prefix, address: Address): boolean {
  if (prefix.family !== address.family) return false;
  const width = BigInt((prefix.family === 4 ? 32 : 128) - prefix.length);
  return toBits(prefix.address, prefix.family) >> width === toBits(address.text, address.family) >> width;
}

/** The address this many after the first of a prefix. */
export function addressAt(prefix: Prefix, number: number): Address {
  const bits = toBits(prefix.address, prefix.family) + BigInt(number);
  return { family: prefix.family, text: fromBits(bits, prefix.family) };
}

/** RFC 4291 appendix A: the address that a guest with this MAC gives itself in a /64. */
export function eui64(prefix: Prefix, mac: Mac): Address {
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = macBytes(mac);
  const id = [a ^ 2, b, c, 0xff, 0xfe, d, e, f].reduce((bits, byte) => (bits << 8n) | BigInt(byte), 0n);
  return { family: 6, text: fromBits(toBits(prefix.address, 6) | id, 6) };
}

/** The link-local address of a device with this MAC. */
export function linkLocal(mac: Mac): Address {
  return eui64({ family: 6, address: 'fe80::', length: 64, text: 'fe80::/64' }, mac);
}

export function isLinkLocal(address: Address): boolean {
  return address.family === 6 && address.text.startsWith('fe80:');
}

/** Network byte order, 4 or 16 bytes. */
export function addressBytes(address: Address): Uint8Array {
  const size = address.family === 4 ? 4 : 16;
  const bits = toBits(address.text, address.family);
  return Uint8Array.from({ length: size }, (_, i) => Number((bits >> BigInt(8 * (size - 1 - i))) & 0xffn));
}

function parseEither(text: string): { family: Family; bits: bigint; text: string } | undefined {
  const family: Family = text.includes(':') ? 6 : 4;
  // Address6 also takes zones and embedded prefixes, which no kernel object here can carry.
  if (!/^[0-9a-fA-F:.]+$/.test(text)) return undefined;
  try {
    const parsed = family === 4 ? new Address4(text) : new Address6(text);
    return { family, bits: parsed.bigInt(), text: parsed.correctForm() };
  } catch {
    return undefined;
  }
}

function isUnicast(bits: bigint, family: Family): boolean {
  if (bits === 0n) return false;
  // All of ::/8 is reserved, and inet_ntop() writes parts of it with dots.
  if (family === 6) return bits >> 120n !== 0xffn && bits >> 120n !== 0n;
  const first = Number(bits >> 24n);
  return first !== 0 && first !== 127 && first < 224;
}

function prefixOf(bits: bigint, family: Family, length: number): Prefix {
  const width = family === 4 ? 32 : 128;
  const shift = BigInt(width - length);
  const address = fromBits((bits >> shift) << shift, family);
  return { family, address, length, text: `${address}/${length}` };
}

function toBits(text: string, family: Family): bigint {
  return family === 4 ? new Address4(text).bigInt() : new Address6(text).bigInt();
}

function fromBits(bits: bigint, family: Family): string {
  return family === 4 ? Address4.fromBigInt(bits).correctForm() : Address6.fromBigInt(bits).correctForm();
}
