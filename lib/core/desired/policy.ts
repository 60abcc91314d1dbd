import { quoted, VmnetError } from '../errors.ts';
import { contains, type Prefix } from '../model/address.ts';
import type { Config, FirewallProfile, NetworkSection } from '../model/config.ts';
import type { Nic } from '../model/network.ts';
import { DEFAULT_POLICY, type MacPrefix, type Policy } from '../model/policy.ts';
import type { NicRequest } from '../model/request.ts';
import { policyOfTags, privateMacPrefix } from '../source/policy-tags.ts';
import { macPrefixOf } from '../source/policy-words.ts';
import { hintFor } from '../source/suggest.ts';

/** What holds for a NIC: its network's section, then the tags of its instance. */
export function policyOf(
  request: NicRequest,
  section: NetworkSection | undefined,
  { settings: { profiles } }: Config,
): Policy {
  const names = profiles.map(profile => profile.name);
  const tags = policyOfTags(request, names);
  const keys = { ...section, ...tags };
  const macPrefix = macPrefixFor(request, section);
  const filter = keys.filter ?? DEFAULT_POLICY.filter;
  if (keys.firewall !== undefined) {
    const where = section?.firewall === keys.firewall ? section.where : request.ifname;
    checkFirewall({ firewall: keys.firewall, where }, profiles);
  }
  return {
    filter,
    unknownFamily: keys.filterUnknownFamily ?? DEFAULT_POLICY.unknownFamily,
    linkLocal: keys.linkLocal ?? DEFAULT_POLICY.linkLocal,
    allowed: outermost([...(section?.allowedAddresses ?? []), ...(tags.allowedAddresses ?? [])]),
    ...(macPrefix === undefined ? {} : { macPrefix }),
    isolated: keys.isolated ?? DEFAULT_POLICY.isolated,
    hairpin: keys.hairpin ?? DEFAULT_POLICY.hairpin,
    flood: keys.flood ?? DEFAULT_POLICY.flood,
    // On the target of a migration a bridged NIC is attached long before its guest is there: a static entry would have
    // this node's other guests talk to nobody meanwhile.
    learning: keys.learning ?? DEFAULT_POLICY.learning,
    ...(keys.firewall === undefined ? {} : { firewall: keys.firewall }),
    whitelist: outermost(keys.whitelist ?? DEFAULT_POLICY.whitelist),
    hostServices: keys.hostServices ?? DEFAULT_POLICY.hostServices,
  };
}

/** A routed NIC hears its router and nobody else, whatever their MACs. */
function macPrefixFor(request: NicRequest, section: NetworkSection | undefined): MacPrefix | undefined {
  if (request.mode === 'routed') return undefined;
  const prefix = section?.macPrefix ?? privateMacPrefix(request);
  if (prefix === undefined || request.mac === undefined) return prefix;
  if (macPrefixOf(request.mac, prefix.mask).mac === prefix.mac) return prefix;
  throw new VmnetError(
    'request',
    `${request.mac} is outside ${prefix.mac}/${prefix.mask}, the MACs of its network`,
    {
      where: request.ifname,
      hint: 'give a MAC of the network, or another network',
    },
  );
}

/** Without those that others contain, which no set of nft takes; in an order that does not depend on who said what first. */
function outermost(prefixes: readonly Prefix[]): readonly Prefix[] {
  const each = [...new Map(prefixes.map(prefix => [prefix.text, prefix])).values()];
  const within = (inner: Prefix, outer: Prefix): boolean =>
    inner.length > outer.length && contains(outer, { family: inner.family, text: inner.address });
  return each
    .filter(inner => !each.some(outer => within(inner, outer)))
    .sort((a, b) => a.family - b.family || (a.text < b.text ? -1 : 1));
}

/** Refuses a profile that there is no file of. */
export function checkFirewall(
  { firewall, where }: Pick<NetworkSection, 'firewall' | 'where'>,
  profiles: readonly FirewallProfile[],
): void {
  const names = profiles.map(profile => profile.name);
  if (firewall === undefined) return;
  const profile = profiles.find(one => one.name === firewall);
  if (profile?.broken !== undefined) throw profile.broken;
  if (profile !== undefined) return;
  throw new VmnetError('config', `there is no firewall profile ${quoted(firewall)}`, {
    where,
    hint:
      names.length === 0
        ? `add firewall.d/${firewall}.nft beside the configuration`
        : hintFor(firewall, names),
  });
}

/** What somebody should know who will ask why a guest is cut off. */
export function policyWarnings({ mode, request, addresses, policy }: Nic): readonly string[] {
  if (mode === 'routed' || policy.filter !== 'full' || policy.unknownFamily === 'allow') return [];
  if (addresses.length + policy.allowed.length > 0) return [];
  return [
    `${request.ifname}: nobody has said an address of it, so it may send neither IPv4 nor IPv6; name one, or set filter-unknown-family = allow`,
  ];
}
