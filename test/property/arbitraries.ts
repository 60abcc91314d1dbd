// Anything that a user, a cluster or a kernel could say.
import fc from 'fast-check';
import { type Address, type Prefix, parseAddress, parsePrefix } from '../../lib/core/model/address.ts';
import { type Ifname, parseIfname } from '../../lib/core/model/ifname.ts';
import { type Mac, parseMac } from '../../lib/core/model/mac.ts';
import type { Network, NetworkFamily, Nic } from '../../lib/core/model/network.ts';
import { DEFAULT_POLICY, FILTER_LEVELS, type Policy } from '../../lib/core/model/policy.ts';
import type { NicRequest } from '../../lib/core/model/request.ts';

const at = 'property';

export const mac: fc.Arbitrary<Mac> = fc
  .uint8Array({ minLength: 6, maxLength: 6 })
  .filter(bytes => bytes.some(byte => byte !== 0))
  .map(([first = 0, ...rest]) =>
    parseMac([first & 0xfe || 2, ...rest].map(byte => byte.toString(16).padStart(2, '0')).join(':'), at),
  );

export const address4: fc.Arbitrary<Address> = fc
  .tuple(fc.integer({ min: 1, max: 223 }), byte(), byte(), byte())
  .filter(([first]) => first !== 127)
  .map(parts => parseAddress(parts.join('.'), at));

export const address6: fc.Arbitrary<Address> = fc
  .tuple(fc.integer({ min: 0x2000, max: 0x3fff }), ...Array.from({ length: 7 }, () => group()))
  .map(parts => parseAddress(parts.map(part => part.toString(16)).join(':'), at));

export const address = fc.oneof(address4, address6);

export const prefix: fc.Arbitrary<Prefix> = fc
  .tuple(address, fc.nat(128))
  .map(([{ family, text }, length]) => parsePrefix(`${text}/${family === 4 ? length % 33 : length}`, at));

export const ifname: fc.Arbitrary<Ifname> = fc
  .stringMatching(/^[A-Za-z0-9_.@+][A-Za-z0-9_.@+-]{0,14}$/)
  .filter(text => !['.', '..', 'all', 'default'].includes(text))
  .map(text => parseIfname(text, at));

/** Zeroes are what the short form of an address is about. */
function group(): fc.Arbitrary<number> {
  return fc.oneof({ weight: 2, arbitrary: fc.constant(0) }, { weight: 3, arbitrary: fc.nat(0xffff) });
}

function byte(): fc.Arbitrary<number> {
  return fc.nat(255);
}

const table = fc.integer({ min: 1, max: 252 });

/** NICs of few taps, few networks and few addresses, so that they meet. */
export const nic: fc.Arbitrary<Nic> = fc
  .record({
    tap: fc.constantFrom('tap0', 'tap1', 'tap2'),
    routed: fc.boolean(),
    numbers: fc.uniqueArray(fc.integer({ min: 2, max: 9 }), { minLength: 1, maxLength: 3 }),
    families: fc.constantFrom<readonly (4 | 6)[]>([4], [6], [4, 6]),
    table,
    hostAccess: fc.boolean(),
    skeleton: fc.boolean(),
    gateway: fc.boolean(),
    policy: fc.record({
      ...Object.fromEntries(
        ['isolated', 'hairpin', 'flood', 'learning'].map(name => [name, fc.boolean()] as const),
      ),
      filter: fc.constantFrom(...FILTER_LEVELS),
      linkLocal: fc.constantFrom('eui64' as const, 'any' as const),
      hostServices: fc.subarray([
        { protocol: 'tcp' as const, port: 53 },
        { protocol: 'udp' as const, port: 67 },
      ]),
    }),
  })
  .map(({ tap, routed, numbers, families, policy: some, ...net }) => {
    const policy: Policy = { ...DEFAULT_POLICY, ...some };
    const addresses = families.flatMap(family => numbers.map(number => addressOf(family, net.table, number)));
    const request: NicRequest = {
      ifname: parseIfname(tap, at),
      mode: routed ? 'routed' : 'bridged',
      mac: parseMac(`aa:00:00:00:0${tap.slice(-1)}:0${numbers[0]}`, at),
      addresses,
      tags: [],
      network: {},
    };
    if (!routed)
      return { mode: 'bridged', request, addresses, gateways: [], policy, bridge: parseIfname('br0', at) };
    return { mode: 'routed', request, addresses, policy, network: networkOf(net, families) };
  });

function networkOf(
  net: { table: number; hostAccess: boolean; skeleton: boolean; gateway: boolean },
  families: readonly (4 | 6)[],
): Network {
  return {
    name: `net${net.table}`,
    group: net.table,
    hostAccess: net.hostAccess,
    families: families.map(
      (family): NetworkFamily => ({
        family,
        table: net.table,
        uplink: parseIfname(`up${net.table}`, at),
        subnet: parsePrefix(family === 4 ? `10.${net.table}.0.0/24` : `2001:db8:${net.table}::/64`, at),
        ...(net.gateway ? { gateway: addressOf(family, net.table, 1) } : {}),
        skeleton: net.skeleton,
      }),
    ),
  };
}

function addressOf(family: 4 | 6, net: number, number: number): Address {
  return parseAddress(family === 4 ? `10.${net}.0.${number}` : `2001:db8:${net}::${number}`, at);
}
