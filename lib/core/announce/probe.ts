import { type Address, addressBytes } from '../model/address.ts';
import type { Ifname } from '../model/ifname.ts';
import { type Mac, macBytes, parseMac } from '../model/mac.ts';
import { discoveryFrame } from './frames.ts';

/** The question who has `address`, to be asked on the segment of `dev`, whose MAC is `mac`. */
export interface Probe {
  readonly dev: Ifname;
  readonly mac: Mac;
  readonly address: Address;
  /** An address of the segment that stands for the host; IPv4 only. */
  readonly arpSource?: Address;
}

/** Somebody has the address of a probe, or is asking for it at the same time. */
export interface Claim {
  readonly probe: Probe;
  readonly mac: Mac;
}

export interface Probed {
  readonly claims: readonly Claim[];
  /** Where it could not be asked, and why: `DEV: reason`. */
  readonly failed: readonly string[];
}

const ANY4 = [0, 0, 0, 0];
const ANY6 = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
/** ff02::1:ff00:0/104, completed by the last three bytes of an address. */
const SOLICITED_NODE = [0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff];

/**
 * Frames that change nobody's cache. IPv4: the ARP probe of RFC 5227 section 2.1.1. Linux answers it for its own
 * addresses and never for one that it proxies, so with an address to ask from there is an ordinary request as well: a
 * routed VM on another node is found by that. IPv6: a solicitation as in RFC 4862 section 5.4.2, which proxies answer.
 */
export function probeFrames({ mac, address, arpSource }: Probe): readonly Uint8Array[] {
  const sender = [...macBytes(mac)];
  const target = [...addressBytes(address)];
  if (address.family === 4) {
    const request = arpSource === undefined ? [] : [arpRequest(sender, [...addressBytes(arpSource)], target)];
    return [arpRequest(sender, ANY4, target), ...request];
  }
  const group = [...SOLICITED_NODE, ...target.slice(13)];
  return [
    discoveryFrame({ mac: sender, source: ANY6, group, type: SOLICITATION, body: [...ANY4, ...target] }),
  ];
}

function arpRequest(
  mac: readonly number[],
  source: readonly number[],
  target: readonly number[],
): Uint8Array {
  const broadcast = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
  const arp = [...ETHERNET_IPV4, 0, 1, ...mac, ...source, 0, 0, 0, 0, 0, 0, ...target];
  return Uint8Array.from([...broadcast, ...mac, 0x08, 0x06, ...arp]);
}

/**
 * Who says by this frame that the address is its own: in ARP, its sender has it, or probes for it (RFC 5227 section
 * 2.1.1); in neighbour discovery, it advertises it, solicits from it, or solicits for it from nowhere (RFC 4862 section
 * 5.4.3). Frames of anything else say nothing.
 */
export function claimantOf(frame: Uint8Array, address: Address): Mac | undefined {
  const wanted = addressBytes(address);
  const says = address.family === 4 ? arpClaims(frame, wanted) : discoveryClaims(frame, wanted);
  if (!says) return undefined;
  const text = [...frame.subarray(6, 12)].map(byte => byte.toString(16).padStart(2, '0')).join(':');
  try {
    return parseMac(text, 'answer');
  } catch {
    return undefined;
  }
}

const ETHERNET_IPV4 = [0, 1, 0x08, 0x00, 6, 4];
const ARP_LENGTH = 42;

function arpClaims(frame: Uint8Array, address: Uint8Array): boolean {
  if (frame.length < ARP_LENGTH || !has(frame, 12, [0x08, 0x06, ...ETHERNET_IPV4])) return false;
  if (has(frame, 28, address)) return true;
  return has(frame, 20, [0, 1]) && has(frame, 28, ANY4) && has(frame, 38, address);
}

const SOLICITATION = 135;
const ADVERTISEMENT = 136;
/** Up to the end of the target; without a hop limit of 255 it has come from another segment. */
const DISCOVERY_LENGTH = 78;
const ICMPV6_HOP_255 = [58, 255];

function discoveryClaims(frame: Uint8Array, address: Uint8Array): boolean {
  if (frame.length < DISCOVERY_LENGTH || !has(frame, 12, [0x86, 0xdd])) return false;
  if (!has(frame, 20, ICMPV6_HOP_255)) return false;
  if (frame[54] === ADVERTISEMENT) return has(frame, 62, address);
  if (frame[54] !== SOLICITATION) return false;
  return has(frame, 22, address) || (has(frame, 22, ANY6) && has(frame, 62, address));
}

function has(frame: Uint8Array, offset: number, bytes: Iterable<number>): boolean {
  return [...bytes].every((byte, i) => frame[offset + i] === byte);
}
