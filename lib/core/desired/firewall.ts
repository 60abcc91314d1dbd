import type { FirewallProfile, Settings } from '../model/config.ts';
import type { Nic } from '../model/network.ts';
import type { NftChain, NftElement, NftFamily } from '../model/nft.ts';
import { chain, element } from './nft-text.ts';

/** The chain of the profile that a NIC has: what may be sent to its guest. NICs with one profile share it. */
export function profileChains(nic: Nic, { profiles }: Settings): readonly NftChain[] {
  const name = nic.policy.firewall;
  if (name === undefined) return [];
  const profile = profiles.find(one => one.name === name);
  // Its file is gone since it was attached: a NIC that is to go is not held up by that, and who asks for one is told.
  if (profile === undefined) return [profileChain(familyOf(nic), { name, path: '', rules: [] })];
  return [profileChain(familyOf(nic), profile)];
}

export function profileChain(family: NftFamily, { name, rules }: FirewallProfile): NftChain {
  const placed = rules.map(({ text, line }) => [text, `${PLACE}${name}.nft:${line}`] as const);
  return chain(family, chainOfProfile(name), placed);
}

/** What leads to that chain, and who is on the NIC's own list. */
export function profileElements(nic: Nic): readonly NftElement[] {
  const { firewall, whitelist } = nic.policy;
  if (firewall === undefined) return [];
  const family = familyOf(nic);
  const tap = nic.request.ifname;
  return [
    element(family, 'tap_firewall', [tap], `goto ${chainOfProfile(firewall)}`),
    ...whitelist.map(({ family: version, text, length, address }) =>
      element(family, `tap_whitelist${version}`, [
        tap,
        length === (version === 4 ? 32 : 128) ? address : text,
      ]),
    ),
  ];
}

/** Begins the comment of a rule that stands in a file of an administrator's. */
const PLACE = 'firewall.d/';

function chainOfProfile(name: string): string {
  return `firewall-${name}`;
}

function familyOf(nic: Nic): NftFamily {
  return nic.mode === 'routed' ? 'inet' : 'bridge';
}
