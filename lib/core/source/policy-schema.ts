import { FILTER_LEVELS, type HostService, LINK_LOCAL_LEVELS, UNKNOWN_FAMILY } from '../model/policy.ts';
import { list, oneOf, type Parser, yesNo } from './config-values.ts';
import {
  parseAddresses,
  parseAllowed,
  parseHostService,
  parseMacPrefix,
  parseProfile,
} from './policy-words.ts';

/** By protocol and port, each once: `dns udp/53` is dns. */
const services: Parser<readonly HostService[]> = (text, where) => {
  const all = list(parseHostService)(text, where).flat();
  const byText = new Map(all.map(service => [`${service.protocol}/${service.port}`, service]));
  return [...byText.values()].sort((a, b) => a.protocol.localeCompare(b.protocol) || a.port - b.port);
};

/** The keys of a network that decide about its NICs. */
export const policyKeys = {
  filter: oneOf(FILTER_LEVELS),
  'filter-unknown-family': oneOf(UNKNOWN_FAMILY),
  'link-local': oneOf(LINK_LOCAL_LEVELS),
  'allowed-addresses': list(parseAllowed),
  'mac-prefix': parseMacPrefix,
  isolated: yesNo,
  hairpin: yesNo,
  flood: yesNo,
  learning: yesNo,
  firewall: parseProfile,
  whitelist: list(parseAddresses),
  'host-services': services,
};

/** Those of a port of a bridge, which mean nothing to a routed NIC. */
export const BRIDGED_KEYS: readonly (keyof typeof policyKeys)[] = [
  'filter-unknown-family',
  'mac-prefix',
  'hairpin',
  'flood',
  'learning',
];
