import { quoted, VmnetError } from '../errors.ts';
import { contains, hostPrefix, type Prefix, parseAddress, parsePrefix } from '../model/address.ts';
import { type Mac, macBytes } from '../model/mac.ts';
import type { HostService, MacPrefix } from '../model/policy.ts';
import { hintFor } from './suggest.ts';

/** Addresses that somebody can have: one of them, or a prefix with its host bits zero. */
export function parseAddresses(text: string, where: string): Prefix {
  if (!text.includes('/')) return hostPrefix(parseAddress(text, where));
  const prefix = parsePrefix(text, where, 'refuse');
  // Not those of everybody, either: /0 begins with an address that nobody can have.
  parseAddress(prefix.address, where);
  return prefix;
}

const LINK_LOCAL: Prefix = { family: 6, address: 'fe80::', length: 10, text: 'fe80::/10' };

/** What a guest may send from. Of link-local addresses one by one: in any prefix of them could be the router's. */
export function parseAllowed(text: string, where: string): Prefix {
  const prefix = parseAddresses(text, where);
  const meets = (a: Prefix, b: Prefix): boolean => contains(a, { family: b.family, text: b.address });
  if (prefix.length === 128 || !(meets(prefix, LINK_LOCAL) || meets(LINK_LOCAL, prefix))) return prefix;
  throw refused(
    `${prefix.text} has link-local addresses in it`,
    where,
    'give single ones, or set link-local to any',
  );
}

/** The first three to five octets, or an address and a mask; as the first MAC and its mask. */
export function parseMacPrefix(text: string, where: string): MacPrefix {
  const lower = text.toLowerCase();
  if (/^[0-9a-f]{2}(:[0-9a-f]{2}){2,4}$/.test(lower)) {
    const octets = lower.split(':').length;
    const rest = ':00'.repeat(6 - octets);
    return macPrefix(`${lower}${rest}`, `ff${':ff'.repeat(octets - 1)}${rest}`, where);
  }
  const [, mac, mask] =
    /^([0-9a-f]{2}(?::[0-9a-f]{2}){5})\/([0-9a-f]{2}(?::[0-9a-f]{2}){5})$/.exec(lower) ?? [];
  if (mac !== undefined && mask !== undefined) return macPrefix(mac, mask, where);
  throw refused(
    `${quoted(text)} is no prefix of MAC addresses`,
    where,
    'write it as aa:00:10, or as aa:00:10:00:00:00/ff:ff:f0:00:00:00',
  );
}

/** The prefix of this length in ones that a MAC has. */
export function macPrefixOf(mac: Mac, mask: Mac): MacPrefix {
  const masked = macBytes(mac).map((byte, i) => byte & (macBytes(mask)[i] ?? 0));
  return { mac: macOf(masked), mask };
}

function macPrefix(macText: string, maskText: string, where: string): MacPrefix {
  const [mac, mask] = [macText as Mac, maskText as Mac];
  const bits = Array.from(macBytes(mask), byte => byte.toString(2).padStart(8, '0')).join('');
  if (!/^1+0+$/.test(bits)) {
    throw refused(`${mask} is no mask`, where, 'its ones come first, and it has a zero');
  }
  const prefix = macPrefixOf(mac, mask);
  if (prefix.mac !== mac)
    throw refused(`${mac} has bits set where ${mask} has none`, where, `write ${prefix.mac}`);
  if (((macBytes(mac)[0] ?? 0) & 1) === 0) return prefix;
  throw refused(`${mac} is a multicast MAC address`, where, 'the lowest bit of the first octet must be 0');
}

function macOf(bytes: Uint8Array): Mac {
  return Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join(':') as Mac;
}

/** The name of a firewall profile. */
export function parseProfile(text: string, where: string): string {
  if (/^[a-z][a-z0-9-]{0,31}$/.test(text)) return text;
  throw refused(
    `${quoted(text)} is no name of a firewall profile`,
    where,
    'up to 32 lower-case letters, digits and - are accepted',
  );
}

const SERVICES: Readonly<Record<string, readonly HostService[]>> = {
  dhcp: [
    { protocol: 'udp', port: 67 },
    { protocol: 'udp', port: 547 },
  ],
  dns: [
    { protocol: 'tcp', port: 53 },
    { protocol: 'udp', port: 53 },
  ],
  ntp: [{ protocol: 'udp', port: 123 }],
  tftp: [{ protocol: 'udp', port: 69 }],
  http: [{ protocol: 'tcp', port: 80 }],
  https: [{ protocol: 'tcp', port: 443 }],
  ssh: [{ protocol: 'tcp', port: 22 }],
};

/** The ports of a service: by its name, or one as `tcp/8080`. */
export function parseHostService(text: string, where: string): readonly HostService[] {
  const named = Object.hasOwn(SERVICES, text) ? SERVICES[text] : undefined;
  if (named !== undefined) return named;
  const [, protocol, digits] = /^(tcp|udp)\/([1-9]\d{0,4})$/.exec(text) ?? [];
  const port = Number(digits);
  if ((protocol === 'tcp' || protocol === 'udp') && port <= 65_535) return [{ protocol, port }];
  throw refused(
    `${quoted(text)} is no service of the host`,
    where,
    hintFor(text, [...Object.keys(SERVICES), 'tcp/PORT', 'udp/PORT']),
  );
}

function refused(what: string, where: string, hint: string): VmnetError {
  return new VmnetError('request', what, { where, hint });
}
