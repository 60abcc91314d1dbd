import type { BondSection, BridgeSection } from '../model/config.ts';
import { type HostLink, lowerOf } from '../model/host-links.ts';
import type { Ifname } from '../model/ifname.ts';
import type { LinkSetting } from '../model/object.ts';
import type { Observed } from '../observed/query.ts';

/** What one link is to have; nobody cares about what is undefined. */
export type Settings = Readonly<Partial<Record<LinkSetting['setting'], string | undefined>>>;

export function settingsOfHostLink(
  link: HostLink,
  links: readonly HostLink[],
  observed: Observed['links'],
): Settings {
  const { mtu } = link.section;
  const common = { mtu: text(mtu), state: 'up' };
  if (link.type === 'bond') return { ...bondSettings(link.section), ...common };
  if (link.type === 'bridge')
    return {
      ...bridgeSettings(link.section),
      'own-mac': link.section.mac ?? macOf(link.section.name, links, observed),
      ...common,
    };
  return common;
}

/** A bond gives its ports its own MTU; a bridge does not, and drops what is too long for one of them. */
export function settingsOfPort(master: HostLink, own: HostLink | undefined): Settings {
  const { name, mtu } = master.section;
  const passed = master.type === 'vrf' ? undefined : text(mtu);
  return { master: name, ...(own?.section.mtu === undefined ? { mtu: passed } : {}) };
}

function bondSettings({ mode, miimon, primary, xmitHashPolicy, lacpRate, minLinks }: BondSection): Settings {
  return {
    miimon: text(miimon),
    min_links: text(minLinks),
    xmit_hash_policy: xmitHashPolicy,
    lacp_rate: lacpRate,
    primary: mode === 'active-backup' ? (primary ?? 'none') : undefined,
  };
}

/**
 * Not every kernel has VLAN-aware bridges, so `vlan_filtering` is only written when somebody asks for it. A snooping bridge that hears no querier forgets who has joined a group, and neighbour discovery ends.
 */
function bridgeSettings({ multicastSnooping, vlanAware }: BridgeSection): Settings {
  const snooping = multicastSnooping ? '1' : '0';
  return {
    stp_state: '0',
    forward_delay: '0',
    mcast_snooping: snooping,
    mcast_querier: snooping,
    vlan_default_pvid: vlanAware ? '0' : undefined,
    vlan_filtering: vlanAware === undefined ? undefined : vlanAware ? '1' : '0',
  };
}

/** The MAC that a bridge has, or that of what is below it: one that changes with its ports would cut the host off. */
function macOf(name: Ifname, links: readonly HostLink[], observed: Observed['links']): string | undefined {
  const facts = observed.get(name);
  if (facts !== undefined) return facts.mac;
  const link = links.find(({ section }) => section.name === name);
  const [first] = link === undefined ? [] : lowerOf(link);
  return first === undefined ? undefined : macOf(first, links, observed);
}

function text(number: number | undefined): string | undefined {
  return number === undefined ? undefined : String(number);
}
