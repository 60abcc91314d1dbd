import { VmnetError } from '../core/errors.ts';
import type { HostSections } from '../core/model/host-links.ts';
import { type HostRecord, isHostWide, nameOf } from '../core/model/host-record.ts';
import type { Ifname } from '../core/model/ifname.ts';

/** The part of the file that a run is about. */
export interface Part {
  readonly sections: HostSections;
  /** Links that nothing else than which is touched. */
  readonly only: ReadonlySet<string>;
}

/** One VRF of the file, beside what of the file stands already. */
export function partWithVrf(config: HostSections, name: Ifname, record: HostRecord | undefined): Part {
  const vrf = config.vrfs.find(one => one.name === name);
  if (vrf === undefined)
    throw new VmnetError('request', `the configuration has no [vrf ${name}]`, {
      hint: `write the section, with ports = and the links that ${name} is to have`,
    });
  const { sections } = standing(config, name, record);
  return { sections: { ...sections, vrfs: [...sections.vrfs, vrf] }, only: new Set([name, ...vrf.ports]) };
}

/** What of the file stands, but for one VRF, which goes. */
export function partWithoutVrf(config: HostSections, name: Ifname, record: HostRecord | undefined): Part {
  if (record?.made.includes(`link ${name}`) !== true)
    throw new VmnetError('request', `vmnet has made no VRF ${name}`, {
      hint: 'vmnet vrf list shows all; what somebody else made, ip link del takes away',
    });
  return standing(config, name, record);
}

function standing(config: HostSections, name: Ifname, record: HostRecord | undefined): Part {
  const made = new Set(record?.made);
  const stands = (section: { readonly name: Ifname }): boolean =>
    section.name !== name && made.has(`link ${section.name}`);
  const { bonds, vlans, bridges, vrfs } = config;
  const ports = vrfs.find(one => one.name === name)?.ports ?? [];
  return {
    sections: {
      bonds: bonds.filter(stands),
      vlans: vlans.filter(stands),
      bridges: bridges.filter(stands),
      // Their own marks tell whose they are, and no step of this run is about them.
      switches: [],
      vrfs: vrfs.filter(stands),
    },
    only: new Set([name, ...ports]),
  };
}

/** The record when these links are none of its business any more; none when nothing is left of it. */
export function recordWithout(record: HostRecord, { sections, only }: Part): HostRecord | undefined {
  if (!record.made.some(key => key.startsWith('link '))) return undefined;
  const made = new Set(record.made);
  const before = record.before.filter(one => {
    if (isHostWide(one)) return sections.vrfs.length > 0;
    return !only.has(nameOf(one)) || made.has(`link ${nameOf(one)}`);
  });
  const links = Object.fromEntries(
    Object.entries(record.links).filter(([name]) => !only.has(name) || made.has(`link ${name}`)),
  );
  return { ...record, before, links };
}
