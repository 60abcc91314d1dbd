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
  // Open vSwitch sets the MTU of its own ports itself.
  if (link.type === 'ovs') return { state: 'up' };
  if (link.type === 'bond') return { ...bondSettings(link.section), ...common };
  if (link.type === 'bridge')
    return {
      ...bridgeSettings(link.section),
      'own-mac': ownMac(link.section, links, observed),
      ...common,
    };
  return common;
}

/** A bond gives its ports its own MTU; a bridge does not, and drops what is too long for one of them. */
export function settingsOfPort(master: HostLink, own: HostLink | undefined): Settings {
  const { name, mtu } = master.section;
  const passed = master.type === 'vrf' ? undefined : text(mtu);
  return {
    master: master.type === 'ovs' ? 'none' : name,
    ...(own?.section.mtu === undefined ? { mtu: passed } : {}),
  };
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
function bridgeSettings(section: BridgeSection): Settings {
  const { stp, forwardDelay, multicastSnooping, multicastQuerier, vlanAware, defaultPvid } = section;
  return {
    stp_state: stp ? '1' : '0',
    forward_delay: text(forwardDelay),
    mcast_snooping: multicastSnooping ? '1' : '0',
    mcast_querier: (multicastQuerier ?? multicastSnooping) ? '1' : '0',
    vlan_default_pvid: vlanAware ? text(defaultPvid) : undefined,
    vlan_filtering: vlanAware === undefined ? undefined : vlanAware ? '1' : '0',
  };
}

function ownMac(
  { name, mac }: BridgeSection,
  links: readonly HostLink[],
  observed: Observed['links'],
): string | undefined {
  return mac === 'adopted' ? undefined : (mac ?? macOf(name, links, observed));
}

/** The MAC that a bridge has, or that of what is below it: one that changes with its ports would cut the host off. */
function macOf(name: Ifname, links: readonly HostLink[], observed: Observed['links']): string | undefined {
  const facts = observed.get(name);
  // A bridge that has lost its last port has none, and none is what the kernel does not take.
  // And a bond takes that of its first port.
  const isBare = facts?.type === 'bond' && ![...observed.values()].some(({ master }) => master === name);
  if (facts !== undefined && !isBare) return facts.mac === NO_MAC ? undefined : facts.mac;
  const link = links.find(({ section }) => section.name === name);
  const [first] = link === undefined ? [] : lowerOf(link);
  return first === undefined ? undefined : macOf(first, links, observed);
}

const NO_MAC = '00:00:00:00:00:00';

function text(number: number | undefined): string | undefined {
  return number === undefined ? undefined : String(number);
}
