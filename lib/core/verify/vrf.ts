import { VmnetError } from '../errors.ts';
import { placeOf, type VrfSection } from '../model/config.ts';
import type { HostSections } from '../model/host-links.ts';
import { HOST_PROTOCOL, VRF_PREFERENCES } from '../model/identity.ts';
import { textOf } from '../model/object.ts';
import type { Observed } from '../observed/query.ts';

/** Refuses VRFs whose name, table or ports are in other hands, before anything is changed. */
export function checkVrfs(
  sections: HostSections,
  observed: Observed,
  rtTables: ReadonlyMap<string, number>,
): void {
  for (const section of sections.vrfs) {
    checkName(section, observed, rtTables);
    checkTable(section, observed);
    for (const port of section.ports) checkPort(section, port, observed);
  }
}

function checkName(section: VrfSection, { links }: Observed, rtTables: ReadonlyMap<string, number>): void {
  const { name, table } = section;
  const facts = links.get(name);
  if (facts !== undefined && facts.type !== 'vrf')
    throw new VmnetError('config', `${name} is there and is no VRF`, {
      where: section.where,
      hint: 'give the section another name; vmnet makes nothing of a link that somebody else made',
    });
  const number = rtTables.get(name);
  if (number !== undefined && number !== table)
    throw new VmnetError(
      'config',
      `${name} is the name of table ${number} in rt_tables, and not of ${table}`,
      {
        where: section.where,
        hint: `ip would take one for the other: give the section another name, or table = ${number}`,
      },
    );
}

/** Rules that a VRF before may have left, and that do no harm to this one. */
const OF_BEFORE: readonly number[] = [VRF_PREFERENCES.from, VRF_PREFERENCES.renewal];

/** What already is in a table, or leads to it, would be in the VRF all at once. */
function checkTable(section: VrfSection, { objects, links }: Observed): void {
  const { name, table, ports } = section;
  const where = placeOf(section, 'table');
  const vrf = objects.find(one => one.kind === 'link' && one.table === table && one.ifname !== name);
  if (vrf?.kind === 'link')
    throw new VmnetError('config', `table ${table} is that of the VRF ${vrf.ifname}`, {
      where,
      hint: 'give another',
    });
  if (links.has(name)) return;
  const names = new Set<string | undefined>(ports);
  const used = objects.find(object => {
    if (object.kind === 'route')
      return object.table === table && object.protocol !== HOST_PROTOCOL && !names.has(object.dev);
    if (object.kind !== 'rule' || OF_BEFORE.includes(object.preference)) return false;
    return object.action.do === 'lookup' && object.action.table === table;
  });
  if (used === undefined) return;
  throw new VmnetError('config', `table ${table} is in use: ${textOf(used)}`, {
    where,
    hint: 'give another; 1001 to 1255 are customary',
  });
}

/** Whose port it is stays without it, and a bond or a bridge can be the port instead. */
function checkPort(section: VrfSection, port: string, { links }: Observed): void {
  const master = links.get(port)?.master;
  if (master === undefined || master === section.name) return;
  const type = links.get(master)?.type;
  const kind = type === 'vrf' ? 'the VRF' : `the ${type ?? 'link'}`;
  const hint =
    type === 'vrf' ? `vmnet vrf down ${master}, or ip link set ${port} nomaster` : `give ports = ${master}`;
  throw new VmnetError('config', `${port} is a port of ${kind} ${master}`, {
    where: placeOf(section, 'ports'),
    hint,
  });
}
