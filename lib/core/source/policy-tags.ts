import { quoted, VmnetError } from '../errors.ts';
import type { Prefix } from '../model/address.ts';
import type { PolicyKeys } from '../model/config.ts';
import type { Mac } from '../model/mac.ts';
import { FILTER_LEVELS, LINK_LOCAL_LEVELS, type MacPrefix, UNKNOWN_FAMILY } from '../model/policy.ts';
import type { NicRequest } from '../model/request.ts';
import { macPrefixOf, parseAllowed } from './policy-words.ts';
import { hintFor, nearest } from './suggest.ts';

type Owner = 'synnefo' | 'vmnet';

/** A tag that is meant for the NIC: `OWNER:network:SELECTOR:WORD`. */
interface NicTag {
  readonly tag: string;
  readonly owner: Owner;
  readonly word: string;
}

/** Words that other programs' tags have not. */
const OF_VMNET: readonly (readonly [string, PolicyKeys])[] = [
  ...FILTER_LEVELS.map(filter => [`filter:${filter}`, { filter }] as const),
  ...LINK_LOCAL_LEVELS.map(linkLocal => [`link-local:${linkLocal}`, { linkLocal }] as const),
  ...UNKNOWN_FAMILY.map(
    filterUnknownFamily => [`unknown-family:${filterUnknownFamily}`, { filterUnknownFamily }] as const,
  ),
];

const ALLOW = 'allow:';

/**
 * What the tags of the instance and of its network say of one NIC, in whichever order they come. `profiles` are the
 * names of the firewall profiles that there are; each is a word. Tags that are meant for other NICs, or for other
 * programs, say nothing; of this NIC, a word that is not known is an error.
 */
export function policyOfTags(request: NicRequest, profiles: readonly string[]): PolicyKeys {
  const tags = nicTags(request);
  const allowed = tags.flatMap(one => allowedBy(one) ?? []);
  const said = new Map<string, { readonly value: unknown; readonly tag: string }>();
  for (const one of tags.filter(({ owner, word }) => owner !== 'vmnet' || !word.startsWith(ALLOW))) {
    for (const [key, value] of Object.entries(keysOf(one, profiles))) {
      const before = said.get(key);
      if (before !== undefined && before.value !== value) {
        throw new VmnetError(
          'request',
          `tags ${quoted(before.tag)} and ${quoted(one.tag)} contradict each other`,
          {
            where: request.ifname,
            hint: 'remove one of the two',
          },
        );
      }
      said.set(key, { value, tag: one.tag });
    }
  }
  return {
    ...Object.fromEntries([...said].map(([key, { value }]) => [key, value])),
    ...(allowed.length === 0 ? {} : { allowedAddresses: allowed }),
  };
}

function nicTags({ tags, network, nic = {} }: NicRequest): readonly NicTag[] {
  const selectors = ['*', nic.index, nic.name, nic.uuid].flatMap(one =>
    one === undefined ? [] : String(one),
  );
  // Sorted: of two errors it is always the same that is told.
  return [...new Set([...tags, ...(network.tags ?? [])])].sort().flatMap(tag => {
    const [, owner, selector = '', word = ''] = /^(synnefo|vmnet):network:([^:]*)(?::(.*))?$/.exec(tag) ?? [];
    if ((owner !== 'synnefo' && owner !== 'vmnet') || !selectors.includes(selector)) return [];
    return [{ tag, owner, word }];
  });
}

function allowedBy({ tag, owner, word }: NicTag): Prefix | undefined {
  if (owner !== 'vmnet' || !word.startsWith(ALLOW)) return undefined;
  return parseAllowed(word.slice(ALLOW.length), `tag ${quoted(tag)}`);
}

function keysOf({ tag, owner, word }: NicTag, profiles: readonly string[]): PolicyKeys {
  const words = new Map<string, PolicyKeys>([
    ...profiles.map(name => [name, { firewall: name }] as const),
    ['whitelist', { firewall: 'whitelist' }],
    ['isolate', { isolated: true }],
    ...(owner === 'vmnet' ? OF_VMNET : []),
  ]);
  const keys = words.get(word);
  if (keys !== undefined) return keys;
  const valid = [...words.keys(), ...(owner === 'vmnet' ? [`${ALLOW}ADDRESS`] : [])];
  throw new VmnetError('request', `${quoted(word)} is no word for a NIC`, {
    where: `tag ${quoted(tag)}`,
    hint: `${hintFor(word, valid)}${nearest(word, valid) === undefined ? '' : ` Valid here: ${valid.join(', ')}`}`,
  });
}

/** How many MACs a private network has where nothing but a NIC of it is known. */
const PRIVATE_MASK = 'ff:ff:f0:00:00:00' as Mac;

/** Whom the NIC hears when its network has the tag `private-filtered`: who has the same prefix of the MAC. */
export function privateMacPrefix({ ifname, mac, network }: NicRequest): MacPrefix | undefined {
  if (!network.tags?.includes('private-filtered')) return undefined;
  if (network.macPrefix !== undefined) return network.macPrefix;
  if (mac !== undefined) return macPrefixOf(mac, PRIVATE_MASK);
  throw new VmnetError('request', 'tag "private-filtered" needs a MAC address', {
    where: ifname,
    hint: 'give the MAC of the NIC, or a MAC prefix of its network',
  });
}
