import type { BondSection, BridgeSection, Config, OvsSection, VlanSection, VrfSection } from './config.ts';
import type { Ifname } from './ifname.ts';

/** A section that describes a link of the host. */
export type HostLink =
  | { readonly type: 'bond'; readonly section: BondSection }
  | { readonly type: 'vlan'; readonly section: VlanSection }
  | { readonly type: 'bridge'; readonly section: BridgeSection }
  | { readonly type: 'vrf'; readonly section: VrfSection }
  | { readonly type: 'ovs'; readonly section: OvsSection };

export type HostSections = Pick<Config, 'bonds' | 'vlans' | 'bridges' | 'vrfs' | 'switches'>;

export const NO_SECTIONS: HostSections = { bonds: [], vlans: [], bridges: [], vrfs: [], switches: [] };

export function hostLinks({ bonds, vlans, bridges, vrfs, switches }: HostSections): readonly HostLink[] {
  return [
    ...bonds.map(section => ({ type: 'bond' as const, section })),
    ...vlans.map(section => ({ type: 'vlan' as const, section })),
    ...bridges.map(section => ({ type: 'bridge' as const, section })),
    ...vrfs.map(section => ({ type: 'vrf' as const, section })),
    ...switches.map(section => ({ type: 'ovs' as const, section })),
  ];
}

/** The ports that a link takes; a VLAN has none. */
export function portsOf(link: HostLink): readonly Ifname[] {
  if (link.type === 'ovs') return link.section.uplink === undefined ? [] : [link.section.uplink];
  return link.type === 'vlan' ? [] : link.section.ports;
}

/** The key of a section that says what it stands on. */
export function lowerKey({ type }: HostLink): 'parent' | 'uplink' | 'ports' {
  if (type === 'vlan') return 'parent';
  return type === 'ovs' ? 'uplink' : 'ports';
}

/** The links that one stands on: the parent of a VLAN, the ports of all others. */
export function lowerOf(link: HostLink): readonly Ifname[] {
  return link.type === 'vlan' ? [link.section.parent] : portsOf(link);
}

/** Whose port a link is, by the file. */
export function mastersOf(links: readonly HostLink[]): ReadonlyMap<Ifname, HostLink> {
  return new Map(links.flatMap(link => portsOf(link).map(port => [port, link] as const)));
}

/** The ports of bonds and bridges, where an address would only be in the way: of a VRF's port it stays. */
export function enslaved(links: readonly HostLink[]): ReadonlySet<Ifname> {
  return new Set(links.flatMap(link => (link.type === 'vrf' ? [] : portsOf(link))));
}

/**
 * Every link that the sections name, what a link stands on before the link itself. When there is no such order, the
 * cycle: each of its links stands on the next one, and the last on the first.
 */
export function hostOrder(
  links: readonly HostLink[],
): { readonly order: readonly Ifname[] } | { readonly cycle: readonly Ifname[] } {
  const lower = new Map(links.map(link => [link.section.name, lowerOf(link)]));
  const done = new Set<Ifname>();
  const visit = (name: Ifname, above: readonly Ifname[]): readonly Ifname[] | undefined => {
    if (done.has(name)) return undefined;
    if (above.includes(name)) return above.slice(above.indexOf(name));
    for (const next of lower.get(name) ?? []) {
      const cycle = visit(next, [...above, name]);
      if (cycle !== undefined) return cycle;
    }
    done.add(name);
    return undefined;
  };
  for (const { section } of links) {
    const cycle = visit(section.name, []);
    if (cycle !== undefined) return { cycle };
  }
  return { order: [...done] };
}
