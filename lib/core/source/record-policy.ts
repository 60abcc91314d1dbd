import { VmnetError } from '../errors.ts';
import type { Prefix } from '../model/address.ts';
import {
  FILTER_LEVELS,
  type HostService,
  LINK_LOCAL_LEVELS,
  type MacPrefix,
  type Policy,
  UNKNOWN_FAMILY,
} from '../model/policy.ts';
import { fields, flag, type Json, list, oneOf, present, text, whole } from './json.ts';
import { parseAddresses, parseAllowed, parseMacPrefix, parseProfile } from './policy-words.ts';
import { prefix } from './record-values.ts';

/** What held for a NIC, as a record keeps it. */
export function recordedPolicy(json: Json): Policy {
  const at = 'policy';
  const row = fields<Policy>(json, at, {
    filter: 'needed',
    unknownFamily: 'needed',
    linkLocal: 'needed',
    allowed: 'needed',
    macPrefix: 'optional',
    isolated: 'needed',
    hairpin: 'needed',
    flood: 'needed',
    learning: 'needed',
    firewall: 'optional',
    whitelist: 'needed',
    hostServices: 'needed',
  });
  return {
    filter: oneOf(row.filter, `${at}.filter`, FILTER_LEVELS),
    unknownFamily: oneOf(row.unknownFamily, `${at}.unknownFamily`, UNKNOWN_FAMILY),
    linkLocal: oneOf(row.linkLocal, `${at}.linkLocal`, LINK_LOCAL_LEVELS),
    allowed: list(row.allowed, `${at}.allowed`, (one, place) => prefixFor(parseAllowed, one, place)),
    ...present('macPrefix', row.macPrefix, one => recordedMacPrefix(one, `${at}.macPrefix`)),
    isolated: flag(row.isolated, `${at}.isolated`),
    hairpin: flag(row.hairpin, `${at}.hairpin`),
    flood: flag(row.flood, `${at}.flood`),
    learning: flag(row.learning, `${at}.learning`),
    ...present('firewall', row.firewall, one => parseProfile(text(one, `${at}.firewall`), `${at}.firewall`)),
    whitelist: list(row.whitelist, `${at}.whitelist`, (one, place) => prefixFor(parseAddresses, one, place)),
    hostServices: list(row.hostServices, `${at}.hostServices`, hostServiceOf),
  };
}

export function recordedMacPrefix(json: Json, at: string): MacPrefix {
  const row = fields<MacPrefix>(json, at, { mac: 'needed', mask: 'needed' });
  const parsed = parseMacPrefix(`${text(row.mac, `${at}.mac`)}/${text(row.mask, `${at}.mask`)}`, at);
  if (parsed.mac === row.mac && parsed.mask === row.mask) return parsed;
  throw new VmnetError('record', `it should say ${parsed.mac} and ${parsed.mask}`, { where: at });
}

/** As exact as any prefix of a record, and one that the configuration could have said. */
function prefixFor(parse: (text: string, where: string) => Prefix, json: Json, at: string): Prefix {
  return parse(prefix(json, at).text, at);
}

function hostServiceOf(json: Json, at: string): HostService {
  const row = fields<HostService>(json, at, { protocol: 'needed', port: 'needed' });
  return {
    protocol: oneOf(row.protocol, `${at}.protocol`, ['tcp', 'udp']),
    port: whole(row.port, `${at}.port`, 1, 65_535),
  };
}
