import type { NetworkSection, VrfSection } from '../model/config.ts';
import { conflict, type Placed } from './config-checks.ts';
import { placeOf } from './ini-file.ts';
import { lookUpTable } from './rt-tables.ts';

/** Refuses networks whose domain is no VRF of the file, and what a network in a VRF cannot have. */
export function checkDomains(
  networks: readonly Placed<NetworkSection>[],
  vrfs: readonly VrfSection[],
  rtTables: ReadonlyMap<string, number>,
): void {
  for (const placed of networks) {
    if (placed.section.domain === 'vrf') checkDomain(placed, vrfs, rtTables);
  }
}

function checkDomain(
  { ini, section }: Placed<NetworkSection>,
  vrfs: readonly VrfSection[],
  rtTables: ReadonlyMap<string, number>,
): void {
  const { mode, link, table = link, table6 = table, uplink, uplink6 = uplink, hostAccess } = section;
  const at = (key: string): string => placeOf(ini, ini.entries.has(key) ? key : 'domain');
  if (mode !== undefined && mode !== 'routed')
    throw conflict('a domain is for routed networks alone', at('domain'), 'remove it');
  const vrf = vrfs.find(one => table !== undefined && one.table === lookUpTable(table, rtTables));
  if (vrf === undefined) {
    const hint = 'add [vrf NAME] with the same table and the uplink among its ports';
    throw conflict('domain = vrf, and no [vrf] has the table of this network', at('table'), hint);
  }
  if (table6 !== undefined && lookUpTable(table6, rtTables) !== vrf.table) {
    const hint = 'remove it, or remove domain = vrf';
    throw conflict(`a tap is in one VRF, and the table of ${vrf.name} is ${vrf.table}`, at('table6'), hint);
  }
  if (hostAccess) {
    const hint = `remove it; vmnet vrf exec ${vrf.name} reaches the VMs`;
    throw conflict('the host itself is not in the VRF', at('host-access'), hint);
  }
  for (const [key, port] of [
    ['uplink', uplink],
    ['uplink6', uplink6],
  ] as const) {
    if (port === undefined || vrf.ports.includes(port)) continue;
    throw conflict(`${port} is no port of ${vrf.name}`, at(key), `add it to ports at ${vrf.where}`);
  }
}
