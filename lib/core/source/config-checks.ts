import { VmnetError } from '../errors.ts';
import { type Address, contains, FAMILIES, type Family, isLinkLocal, type Prefix } from '../model/address.ts';
import type { NetworkSection } from '../model/config.ts';
import type { Ifname } from '../model/ifname.ts';
import { isKernelTable, MAIN_TABLE } from '../model/network.ts';
import { type IniSection, placeOf } from './ini-file.ts';
import { BRIDGED_KEYS } from './policy-schema.ts';
import { lookUpTable } from './rt-tables.ts';

/** A section together with the lines that it was read from. */
export interface Placed<T> {
  readonly ini: IniSection;
  readonly section: T;
}

/** What of a routed network has to agree with every other network that shares its group or its uplink. */
interface Facts extends Placed<NetworkSection> {
  readonly tables: Readonly<Record<Family, number | undefined>>;
  readonly uplinks: Readonly<Record<Family, Ifname | undefined>>;
  readonly group: number | undefined;
}

/** Refuses networks that contradict themselves or each other. */
export function checkNetworks(
  networks: readonly Placed<NetworkSection>[],
  rtTables: ReadonlyMap<string, number>,
): void {
  for (const { section, ini } of networks) {
    checkGateway(ini, 'gateway', section.gateway, 'subnet', section.subnet);
    checkGateway(ini, 'gateway6', section.gateway6, 'subnet6', section.subnet6);
    checkBridgedKeys(ini, section);
  }
  const facts = networks.map(each => factsOf(each, rtTables));
  const routed = facts.filter(({ section }) => isRouted(section));
  const bridged = facts.filter(({ section }) => !isRouted(section));
  // The filter finds a tap's mark and its gateway by the tap's group: there can be only one of each.
  for (const [first, second] of pairs(routed, facts => facts.group)) {
    const what = `link group ${first.group}`;
    agree(first, second, what, 'gateway', facts => facts.section.gateway?.text);
    agree(first, second, what, 'gateway6', facts => facts.section.gateway6?.text);
    agree(first, second, what, 'table', facts => facts.tables[4]);
    agree(first, second, what, 'table6', facts => facts.tables[6]);
    agree(first, second, what, 'host-services', servicesOf);
    agree(first, second, what, 'host-access', ({ ini }) => ini.entries.get('host-access')?.value);
  }
  // A bridge is one segment: what it opens of the host, it opens to all.
  for (const [first, second] of pairs(bridged, ({ section }) => section.link))
    agree(first, second, `link ${first.section.link}`, 'host-services', servicesOf);
  // And what comes in by an uplink gets one mark, whichever network it is for.
  for (const family of FAMILIES) {
    const key = family === 4 ? 'table' : 'table6';
    for (const [first, second] of pairs(routed, facts => facts.uplinks[family])) {
      const what = `uplink ${first.uplinks[family]}`;
      agree(first, second, what, key, facts => facts.tables[family]);
      if (family === 4) agree(first, second, what, 'arp-source', facts => facts.section.arpSource?.text);
    }
    checkTables(routed, family);
  }
}

/** A table has one default route and one of each subnet, and what the host itself sends to a subnet goes by one table. */
function checkTables(routed: readonly Facts[], family: Family): void {
  const [subnetKey, gatewayKey, uplinkKey, tableKey] = KEYS[family];
  const subnetOf = ({ section }: Facts): string | undefined => section[subnetKey]?.text;
  const tableOf = ({ tables }: Facts): number | undefined =>
    isKernelTable(tables[family] ?? MAIN_TABLE) ? undefined : tables[family];
  for (const [first, second] of pairs(routed, tableOf)) {
    const what = `table ${tableOf(first)}`;
    agree(first, second, what, gatewayKey, ({ section, uplinks }) => {
      const gateway = section[gatewayKey]?.text;
      return gateway && uplinks[family] && `${gateway} on ${uplinks[family]}`;
    });
    if (subnetOf(first) === subnetOf(second) && subnetOf(first) !== undefined)
      agree(first, second, `${subnetOf(first)} in ${what}`, uplinkKey, ({ uplinks }) => uplinks[family]);
  }
  const reached = routed.filter(facts => facts.section.hostAccess || servicesOf(facts) !== NO_SERVICES);
  for (const [first, second] of pairs(reached, subnetOf))
    agree(first, second, `${subnetKey} ${subnetOf(first)}`, tableKey, ({ tables }) => tables[family]);
}

const KEYS = {
  4: ['subnet', 'gateway', 'uplink', 'table'],
  6: ['subnet6', 'gateway6', 'uplink6', 'table6'],
} as const;

/** Who says nothing of the mode may be routed. */
function isRouted({ mode }: NetworkSection): boolean {
  return mode === undefined || mode === 'routed';
}

function checkGateway(
  ini: IniSection,
  key: string,
  gateway: Address | undefined,
  subnetKey: string,
  subnet: Prefix | undefined,
): void {
  if (gateway === undefined) return;
  const where = placeOf(ini, key);
  if (subnet === undefined)
    throw conflict(`${key} is given without ${subnetKey}`, where, `add ${subnetKey} =`);
  if (contains(subnet, gateway) || isLinkLocal(gateway)) return;
  throw conflict(
    `${key} ${gateway.text} is outside ${subnetKey} ${subnet.text}`,
    where,
    'correct one of the two',
  );
}

/** Of those keys, what the chain of a tap does, whoever switches behind it. */
const UNKNOWN_FAMILY_KEY = 'filter-unknown-family';

/** What a port of a bridge has must not look as if a routed NIC had it. */
function checkBridgedKeys(ini: IniSection, { mode }: NetworkSection): void {
  const known = mode === 'openvswitch' ? [UNKNOWN_FAMILY_KEY] : [];
  const key = [...BRIDGED_KEYS, 'vlan-uplinks'].find(one => ini.entries.has(one) && !known.includes(one));
  if (mode === 'bridged' || key === undefined) return;
  throw conflict(
    `${key} is for bridged networks alone`,
    placeOf(ini, key),
    'remove it, or add mode = bridged',
  );
}

function factsOf(placed: Placed<NetworkSection>, rtTables: ReadonlyMap<string, number>): Facts {
  const { table, table6, link, uplink, uplink6, group } = placed.section;
  const number = (text: string | undefined) => (text === undefined ? undefined : lookUpTable(text, rtTables));
  const tables = { 4: number(table ?? link), 6: number(table6 ?? table ?? link) };
  return {
    ...placed,
    tables,
    uplinks: { 4: uplink, 6: uplink6 ?? uplink },
    group: group ?? tables[4] ?? tables[6],
  };
}

const NO_SERVICES = 'none';

function servicesOf({ section }: Facts): string {
  const services = section.hostServices ?? [];
  return services.length === 0
    ? NO_SERVICES
    : services.map(({ protocol, port }) => `${protocol}/${port}`).join(' ');
}

/** Throws when both say something and it is not the same. */
function agree(
  first: Facts,
  second: Facts,
  what: string,
  key: string,
  of: (facts: Facts) => string | number | undefined,
): void {
  const [a, b] = [of(first), of(second)];
  if (a === undefined || b === undefined || a === b) return;
  throw conflict(
    `${what} has ${key} ${b} here and ${a} in [network ${first.section.name}] at ${placeOf(first.ini, key)}`,
    placeOf(second.ini, key),
    `give both networks the same ${key}, or another ${what.split(' ').slice(0, -1).join(' ')}`,
  );
}

/** Every two that have the same key; what has none is left out. */
function pairs<T>(items: readonly T[], keyOf: (item: T) => unknown): readonly (readonly [T, T])[] {
  const buckets = new Map<unknown, T[]>();
  return items.flatMap(item => {
    const key = keyOf(item);
    if (key === undefined) return [];
    const earlier = buckets.get(key) ?? [];
    buckets.set(key, [...earlier, item]);
    return earlier.map(other => [other, item] as const);
  });
}

export function conflict(what: string, where: string, hint: string): VmnetError {
  return new VmnetError('config', what, { where, hint });
}
