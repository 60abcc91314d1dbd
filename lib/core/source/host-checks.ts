import type { VmnetError } from '../errors.ts';
import { type Address, contains, isLinkLocal, parsePrefix } from '../model/address.ts';
import {
  type BondSection,
  type BridgeSection,
  type NetworkSection,
  type OvsSection,
  placeOf,
} from '../model/config.ts';
import { type HostLink, hostOrder, lowerKey, lowerOf, mastersOf, portsOf } from '../model/host-links.ts';
import { isKernelTable } from '../model/network.ts';
import { conflict } from './config-checks.ts';
import { lookUpTable } from './rt-tables.ts';

/** Refuses host sections that describe one link twice, or a link that the kernel would not make. */
export function checkHostSections(
  links: readonly HostLink[],
  networks: readonly NetworkSection[],
  rtTables: ReadonlyMap<string, number>,
): void {
  checkTwice(links);
  for (const link of links) {
    checkSelf(link);
    checkPorts(link, links);
    checkGateways(link);
    if (link.type === 'bond') checkBond(link.section);
    if (link.type === 'bridge') checkBridge(link.section);
    if (link.type === 'ovs') checkOvs(link.section);
  }
  checkTables(links, networks, rtTables);
  checkHostWide(links);
  checkCycle(links);
  checkMtu(links);
}

function checkTwice(links: readonly HostLink[]): void {
  once(
    links.map(({ section }) => [section.name, section.where]),
    name => `${name} is already described`,
  );
  once(
    links.flatMap(link => portsOf(link).map(port => [port, placeOf(link.section, lowerKey(link))] as const)),
    port => `${port} is already a port`,
  );
  once(
    links.flatMap(link =>
      link.type === 'vlan'
        ? [[`${link.section.parent} has VLAN ${link.section.id}`, placeOf(link.section, 'id')] as const]
        : [],
    ),
    what => `${what} already`,
  );
}

function checkSelf(link: HostLink): void {
  const { section } = link;
  const key = lowerKey(link);
  if (!lowerOf(link).includes(section.name)) return;
  throw conflict(`${section.name} cannot be among its own ${key}`, placeOf(section, key), 'remove it');
}

/** What can be no port of this one, and what has no use as a port. */
function checkPorts(link: HostLink, links: readonly HostLink[]): void {
  for (const port of portsOf(link)) {
    const where = placeOf(link.section, lowerKey(link));
    const other = links.find(({ section }) => section.name === port);
    const isSwitch = other?.type === 'bridge' || other?.type === 'ovs';
    if (port === 'lo' || other?.type === 'vrf' || (isSwitch && link.type !== 'vrf'))
      throw conflict(`${port} can be no port of a ${link.type}`, where, 'remove it');
    const key = ['addresses', 'gateway', 'gateway6', 'routes'].find(one => other?.section.places[one]);
    if (other === undefined || key === undefined || link.type === 'vrf') continue;
    throw conflict(
      `${port} is a port of ${link.section.name} and has ${key} of its own, which do nothing`,
      placeOf(other.section, key),
      `give them to [${link.type} ${link.section.name}]`,
    );
  }
}

function checkBond(section: BondSection): void {
  const { mode, ports, primary } = section;
  const refuse = (key: string): VmnetError =>
    conflict(`a bond in mode ${mode} has no ${key}`, placeOf(section, key), 'remove it');
  if (primary !== undefined && mode !== 'active-backup') throw refuse('primary');
  if (primary !== undefined && !ports.includes(primary)) {
    const where = placeOf(section, 'primary');
    throw conflict(`primary ${primary} is none of the ports`, where, `give one of ${ports.join(', ')}`);
  }
  if (mode === '802.3ad') return;
  for (const key of ['lacp-rate', 'min-links']) if (section.places[key] !== undefined) throw refuse(key);
}

function checkBridge(section: BridgeSection): void {
  if (section.places['default-pvid'] === undefined || section.vlanAware) return;
  const where = placeOf(section, 'default-pvid');
  throw conflict('default-pvid is for VLAN-aware bridges alone', where, 'add vlan-aware = yes, or remove it');
}

function checkOvs(section: OvsSection): void {
  const key = ['tag', 'trunks'].find(one => section.places[one] !== undefined);
  if (section.uplink === undefined && key !== undefined)
    throw conflict(`${key} is of the uplink, and none is given`, placeOf(section, key), 'add uplink =');
  if (section.tag === undefined || !section.trunks.includes(section.tag)) return;
  const where = placeOf(section, 'trunks');
  throw conflict(
    `VLAN ${section.tag} cannot be with a tag and without`,
    where,
    'take it out of one of the two',
  );
}

/** A router must be where one of the addresses is; a VRF has its routers behind its ports. */
function checkGateways({ type, section }: HostLink): void {
  if (type === 'vrf') return;
  const near = (address: Address): boolean =>
    isLinkLocal(address) ||
    section.addresses.some(one =>
      contains(parsePrefix(`${one.address.text}/${one.length}`, section.where), address),
    );
  const check = (key: string, address: Address | undefined): void => {
    if (address === undefined || near(address)) return;
    throw conflict(
      `${key} ${address.text} is in the subnet of none of the addresses`,
      placeOf(section, key),
      'correct it, or add the address',
    );
  };
  check('gateway', section.gateway);
  check('gateway6', section.gateway6);
}

/** A table that two look up would mix what a VRF keeps apart. */
function checkTables(
  links: readonly HostLink[],
  networks: readonly NetworkSection[],
  rtTables: ReadonlyMap<string, number>,
): void {
  const taken = new Map<number, string>();
  for (const { table, table6, link, mode, domain, where, name } of networks) {
    if (mode === 'bridged' || domain === 'vrf') continue;
    for (const text of [table ?? link, table6]) {
      const number = text === undefined ? undefined : lookUpTable(text, rtTables);
      if (number !== undefined) taken.set(number, `[network ${name}] at ${where}`);
    }
  }
  for (const link of links) {
    if (link.type !== 'vrf') continue;
    const { table, name } = link.section;
    const where = placeOf(link.section, 'table');
    if (isKernelTable(table))
      throw conflict(`table ${table} is one that everything looks up, VRF or not`, where, 'give another');
    const other = taken.get(table);
    if (other !== undefined)
      throw conflict(`table ${table} is already that of ${other}`, where, 'give another');
    taken.set(table, `[vrf ${name}] at ${where}`);
  }
}

/** What two VRFs say of the whole host must be the same. */
function checkHostWide(links: readonly HostLink[]): void {
  const vrfs = links.flatMap(link => (link.type === 'vrf' ? [link.section] : []));
  for (const key of ['accept', 'strict'] as const) {
    const saying = vrfs.filter(section => section[key] !== undefined);
    const text = (section: (typeof vrfs)[number]): string => [section[key]].flat().sort().join(' ');
    const [first] = saying;
    const other = saying.find(section => first !== undefined && text(section) !== text(first));
    if (first === undefined || other === undefined) continue;
    const what = `${key} is of the whole host, and [vrf ${first.name}] at ${placeOf(first, key)} says something else`;
    throw conflict(what, placeOf(other, key), 'give both the same');
  }
}

function checkCycle(links: readonly HostLink[]): void {
  const sorted = hostOrder(links);
  if (!('cycle' in sorted)) return;
  const [first] = sorted.cycle;
  const link = links.find(({ section }) => section.name === first);
  const key = link === undefined ? '' : lowerKey(link);
  throw conflict(
    `these stand on each other in a circle: ${[...sorted.cycle, first].join(' on ')}`,
    link === undefined ? '' : placeOf(link.section, key),
    'take one of them out',
  );
}

/** A VLAN carries no longer frames than what it is on. */
function checkMtu(links: readonly HostLink[]): void {
  for (const link of links) {
    if (link.type !== 'vlan') continue;
    const { mtu, parent } = link.section;
    const below = links.find(({ section }) => section.name === parent)?.section.mtu;
    if (mtu === undefined || below === undefined || mtu <= below) continue;
    throw conflict(
      `mtu ${mtu} is more than the ${below} of ${parent}`,
      placeOf(link.section, 'mtu'),
      'give the same',
    );
  }
  for (const [port, master] of mastersOf(links)) {
    const own = links.find(({ section }) => section.name === port)?.section;
    const { mtu } = master.section;
    if (own?.mtu === undefined || mtu === undefined || master.type === 'vrf' || own.mtu >= mtu) continue;
    throw conflict(
      `mtu ${mtu} is more than the ${own.mtu} of its port ${port}`,
      placeOf(master.section, 'mtu'),
      'give the same',
    );
  }
}

function once(names: readonly (readonly [string, string])[], already: (name: string) => string): void {
  const seen = new Map<string, string>();
  for (const [name, where] of names) {
    const before = seen.get(name);
    if (before !== undefined) throw conflict(`${already(name)} at ${before}`, where, 'remove one of the two');
    seen.set(name, where);
  }
}
