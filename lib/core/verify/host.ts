import { VmnetError } from '../errors.ts';
import { type HostSection, placeOf } from '../model/config.ts';
import {
  type HostLink,
  type HostSections,
  hostLinks,
  lowerKey,
  lowerOf,
  mastersOf,
  portsOf,
} from '../model/host-links.ts';
import type { Ifname } from '../model/ifname.ts';
import { contentOf, type KernelObject, keyOf } from '../model/object.ts';
import type { Observed } from '../observed/query.ts';
import type { Step } from '../plan/plan.ts';
import type { Fixed } from '../plan/recreate.ts';

/** Refuses sections that name what is not there, or what is already in other hands; what vmnet made, it takes apart. */
export function checkHostLinks(
  sections: HostSections,
  observed: Observed,
  made: (object: KernelObject) => boolean,
): void {
  const { links } = observed;
  const own = new Set<string>(
    observed.objects.flatMap(one =>
      (one.kind === 'link' || one.kind === 'ovs-bridge') && made(one) ? [one.ifname] : [],
    ),
  );
  const described = hostLinks(sections);
  const named = new Map(described.map(link => [link.section.name, link]));
  for (const link of described) {
    for (const lower of lowerOf(link)) {
      if (named.has(lower) || links.has(lower)) continue;
      throw new VmnetError('config', `${lower}, which ${link.section.name} needs, does not exist`, {
        where: placeOf(link.section, lowerKey(link)),
        hint: `correct the name, or describe it in a section; ip link shows what there is`,
      });
    }
    checkKind(link, observed);
    checkMasters(link, new Set([...named.keys(), ...own]), observed);
    checkVlanMtu(link, named, links);
  }
}

/** Only what a section could have made is ever made anew. */
function checkKind({ type, section }: HostLink, { links, ovsBridges = [] }: Observed): void {
  const facts = links.get(section.name);
  const isSwitch = ovsBridges.includes(section.name);
  if (facts === undefined || (type === 'ovs' && isSwitch)) return;
  if (type !== 'ovs' && !isSwitch && ['bond', 'bridge', 'vlan', 'vrf'].includes(facts.type ?? '')) return;
  throw new VmnetError('config', `${section.name} is there and is no ${type}`, {
    where: section.where,
    hint: 'give the section another name; vmnet makes nothing of a link that somebody else made',
  });
}

/** A link that the file takes for a port must not be one of a link that the file does not know. */
function checkMasters(link: HostLink, known: ReadonlySet<string>, { links, objects }: Observed): void {
  for (const port of portsOf(link)) {
    const switched = objects.find(one => one.kind === 'ovs-port' && one.ifname === port);
    const master = links.get(port)?.master ?? (switched?.kind === 'ovs-port' ? switched.bridge : undefined);
    if (master === undefined || known.has(master)) continue;
    throw new VmnetError('config', `${port} is a port of ${master}, which no section describes`, {
      where: placeOf(link.section, lowerKey(link)),
      hint: `${switched === undefined ? `ip link set ${port} nomaster` : `ovs-vsctl del-port ${port}`}, if ${master} can do without it`,
    });
  }
}

function checkVlanMtu(link: HostLink, named: ReadonlyMap<Ifname, HostLink>, links: Observed['links']): void {
  if (link.type !== 'vlan' || link.section.mtu === undefined) return;
  const { parent, mtu } = link.section;
  const below = named.get(parent)?.section.mtu ?? links.get(parent)?.mtu;
  if (below === undefined || mtu <= below) return;
  throw new VmnetError('config', `mtu ${mtu} is more than the ${below} of ${parent}`, {
    where: placeOf(link.section, 'mtu'),
    hint: `ip link set ${parent} mtu ${mtu} where its switch takes it, or give ${below}`,
  });
}

/** Refuses what would have to be made anew; whoever wants that says so. */
export function checkFixed(sections: HostSections, differences: readonly Fixed[]): void {
  const [first] = differences;
  if (first === undefined || !('ifname' in first.object)) return;
  const { object, was } = first;
  const section = sectionOf(sections, object.ifname);
  throw new VmnetError(
    'request',
    `${keyOf(object)} is ${contentOf(was)} and should be ${contentOf(object)}, for which it has to be made anew`,
    {
      ...(section === undefined ? {} : { where: placeOf(section, keyFor(object)) }),
      hint: `--recreate does that; all that uses ${object.ifname} is interrupted`,
    },
  );
}

/** The key of the file that says what only a new link takes. */
function keyFor(object: KernelObject): string {
  if (object.kind === 'link-setting') return object.setting.replace('_', '-');
  const keys: Readonly<Record<string, string>> = { bond: 'mode', vlan: 'id', vrf: 'table' };
  return object.kind === 'link' ? (keys[object.type] ?? '') : '';
}

/** Refuses to take a link away that somebody stands on; `known` are the file's links and the record's. */
export function checkUsers(
  steps: readonly Step[],
  { links, objects }: Observed,
  known: ReadonlySet<string>,
): void {
  const going = new Set<string>(
    steps.flatMap(({ op, object }) =>
      op === 'delete' && ['link', 'ovs-bridge', 'ovs-port'].includes(object.kind) && 'ifname' in object
        ? [object.ifname]
        : [],
    ),
  );
  const users = [
    ...links.values(),
    ...objects.flatMap(one =>
      one.kind === 'ovs-port' ? [{ ifname: one.ifname, master: one.bridge, parent: undefined }] : [],
    ),
  ];
  for (const { ifname, master, parent } of users) {
    if (going.has(ifname) || known.has(ifname)) continue;
    const below = [parent, master].find(name => name !== undefined && going.has(name));
    if (below === undefined) continue;
    throw new VmnetError('config', `${ifname} stands on ${below}, which is to go`, {
      where: below,
      hint: `take ${ifname} off it first; of a VM's tap, vmnet detach ${ifname}`,
    });
  }
}

export function sectionOf(sections: HostSections, ifname: string): HostSection | undefined {
  const links = hostLinks(sections);
  const own = links.find(({ section }) => section.name === ifname);
  return own?.section ?? mastersOf(links).get(ifname as Ifname)?.section;
}
