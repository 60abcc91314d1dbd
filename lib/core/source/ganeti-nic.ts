import { quoted, VmnetError } from '../errors.ts';
import { type Address, type Family, type Prefix, parseAddress, parsePrefix } from '../model/address.ts';
import { parseIfname } from '../model/ifname.ts';
import { parseMac } from '../model/mac.ts';
import type { NetworkFacts, NicIdentity, NicPhase, NicRequest } from '../model/request.ts';
import { pick } from './pick.ts';
import { parseMacPrefix } from './policy-words.ts';
import {
  parseInstance,
  parseLink,
  parseMode,
  parseNicName,
  parseTag,
  parseVlan,
  parseWord,
} from './request-words.ts';

type Env = Readonly<Record<string, string | undefined>>;

/**
 * A request from the environment of a Ganeti NIC script. The tap is $INTERFACE and never an argument, which some
 * Ganeti releases pass as `b'tap0'`. Empty variables count as absent.
 */
export function requestFromGanetiEnv(env: Env): NicRequest {
  const ifname = needed(env, 'INTERFACE', parseIfname);
  const mode = needed(env, 'MODE', parseMode);
  // BRIDGE is there for NICs on bridges only, and the same as LINK.
  const link = mode !== 'routed' && given(env, 'LINK') === undefined ? 'BRIDGE' : 'LINK';
  return {
    ifname,
    mode,
    instance: needed(env, 'INSTANCE', parseInstance),
    mac: needed(env, 'MAC', parseMac),
    ...pick({
      link: optional(env, link, (text, where) => parseLink(text, mode, where)),
      vlan: optional(env, 'VLAN', parseVlan),
    }),
    addresses: optional(env, 'IP', (text, where) => [parseAddress(text, where)]) ?? [],
    tags: optional(env, 'TAGS', parseTags) ?? [],
    network: networkFacts(env),
    ...pick({
      nic: nicNames(env),
      phase: mode === 'routed' ? optional(env, 'MIGRATION_PHASE', parsePhase) : undefined,
    }),
  };
}

function networkFacts(env: Env): NetworkFacts {
  return pick({
    name: optional(env, 'NETWORK_NAME', (text, where) => parseWord(text, where, 'network')),
    uuid: optional(env, 'NETWORK_UUID', (text, where) => parseWord(text, where, 'network')),
    subnet: optional(env, 'NETWORK_SUBNET', ofFamily(4, parsePrefix)),
    gateway: optional(env, 'NETWORK_GATEWAY', ofFamily(4, parseAddress)),
    subnet6: optional(env, 'NETWORK_SUBNET6', ofFamily(6, parsePrefix)),
    gateway6: optional(env, 'NETWORK_GATEWAY6', ofFamily(6, parseAddress)),
    tags: optional(env, 'NETWORK_TAGS', parseTags),
    macPrefix: optional(env, 'NETWORK_MAC_PREFIX', parseMacPrefix),
  });
}

function nicNames(env: Env): NicIdentity | undefined {
  const names = pick({
    index: optional(env, 'INTERFACE_INDEX', parseIndex),
    name: optional(env, 'INTERFACE_NAME', parseNicName),
    uuid: optional(env, 'INTERFACE_UUID', (text, where) => parseWord(text, where, 'NIC')),
  });
  return Object.keys(names).length === 0 ? undefined : names;
}

/** A bridged NIC has all that it will have before the guest comes: the bridge learns where it is by its frames. */
function parsePhase(text: string, where: string): NicPhase | undefined {
  if (text === 'pre') return 'arriving';
  if (text === 'post') return undefined;
  throw new VmnetError('request', `${quoted(text)} is no phase of a migration`, {
    where,
    hint: 'Ganeti sets pre or post on the target of a live migration, and nothing elsewhere',
  });
}

function parseIndex(text: string, where: string): number {
  if (/^(0|[1-9]\d{0,3})$/.test(text)) return Number(text);
  throw new VmnetError('request', `${text} is no index of a NIC`, {
    where,
    hint: 'Ganeti counts NICs from 0',
  });
}

/** Ganeti prints a set: the order differs from call to call, so it is made one. */
function parseTags(text: string, where: string): readonly string[] {
  return [...new Set(text.split(' ').filter(tag => tag !== ''))].map(tag => parseTag(tag, where)).sort();
}

function ofFamily<T extends Address | Prefix>(
  family: Family,
  parse: (text: string, where: string) => T,
): (text: string, where: string) => T {
  return (text, where) => {
    const value = parse(text, where);
    if (value.family === family) return value;
    throw new VmnetError('request', `${value.text} is not IPv${family}`, {
      where,
      hint: 'correct the network in Ganeti',
    });
  };
}

function needed<T>(env: Env, name: string, parse: (text: string, where: string) => T): T {
  const value = optional(env, name, parse);
  if (value !== undefined) return value;
  throw new VmnetError('request', `${name} is not set`, {
    where: `$${name}`,
    hint: 'Ganeti sets it for NIC scripts; by hand, use vmnet attach',
  });
}

function optional<T>(env: Env, name: string, parse: (text: string, where: string) => T): T | undefined {
  const text = given(env, name);
  return text === undefined ? undefined : parse(text, `$${name}`);
}

function given(env: Env, name: string): string | undefined {
  const text = env[name];
  return text === '' ? undefined : text;
}
