import { VmnetError } from '../errors.ts';
import { type Address, isLinkLocal } from '../model/address.ts';
import type { Ifname } from '../model/ifname.ts';
import type { Link } from '../model/link.ts';
import { isKernelTable } from '../model/network.ts';
import type { LinkAddress, Route, Rule } from '../model/object.ts';
import type { OvsPort } from '../model/ovs-port.ts';
import type { LinkFacts, Observed, Query } from '../observed/query.ts';
import { hostAddress, ifname as parseName } from '../source/config-values.ts';
import { isOwned } from './owned.ts';

/** A section of the file to be; `notes` are comments under its head. */
export interface ImportedSection {
  readonly kind: 'bond' | 'vlan' | 'bridge' | 'vrf' | 'ovs' | 'network';
  readonly name: string;
  readonly keys: readonly (readonly [string, string])[];
  readonly notes: readonly string[];
}

/** What the host runs, and in words what no section says. */
export interface Imported {
  readonly sections: readonly ImportedSection[];
  readonly left: readonly string[];
}

export const EVERYTHING: Query = {
  links: 'all',
  routes: [{ family: 4 }, { family: 6 }],
  proxies: [],
  sysctls: [],
  rules: true,
  nft: [],
  fdb: [],
  vlans: 'all',
  ovs: 'any',
};

/** The host as it was read, in the order of what is looked up in it. */
export interface Scene {
  readonly observed: Observed;
  readonly rtTables: ReadonlyMap<string, number>;
  readonly links: ReadonlyMap<string, LinkFacts>;
  /** Links that get a section, in the order in which the kernel has them. */
  readonly sections: readonly LinkFacts[];
  /** Why a link that might have got one gets none. */
  readonly unfit: ReadonlyMap<string, string>;
  link(name: string): Link | undefined;
  setting(name: string, setting: string): string | undefined;
  addresses(name: string): readonly LinkAddress[];
  routes(name: string): readonly Route[];
  readonly allRoutes: readonly Route[];
  readonly rules: readonly Rule[];
  ovsPort(name: string): OvsPort | undefined;
  /** What was asked for, where somebody has. */
  ovsMtu(name: string): number | undefined;
  readonly isSection: (name: string) => boolean;
  /** What a section would give as its ports. */
  ports(master: string): readonly Ifname[];
  readonly owned: ReadonlySet<string>;
}

const OF_THE_KERNEL = 2;
const LOCAL_TABLE = 255;

/** A route that comes by itself with an address or a link. */
export function isKernelMade({ protocol, table, prefix }: Route): boolean {
  return protocol === OF_THE_KERNEL || table === LOCAL_TABLE || /^(ff00|fe80)::/.test(prefix.address);
}

export function isGiven(address: LinkAddress): boolean {
  return !isLinkLocal(address.address) && !/^(127\.|::1$)/.test(address.address.text);
}

export function sceneOf(observed: Observed, rtTables: ReadonlyMap<string, number>): Scene {
  const { objects, links } = observed;
  const of = <K extends string>(kind: K) =>
    objects.filter((object): object is Extract<typeof object, { kind: K }> => object.kind === kind);
  const settings = new Map(of('link-setting').map(one => [`${one.ifname} ${one.setting}`, one.value]));
  const linkObjects = new Map(of('link').map(one => [one.ifname as string, one]));
  const addresses = Map.groupBy(of('address'), one => one.ifname as string);
  const routes = of('route').filter(route => !isKernelMade(route));
  const byDevice = Map.groupBy(routes, ({ dev }) => (dev ?? '') as string);
  const switches = observed.ovsBridges ?? [];
  const owned = new Set<string>(
    [...links.values()].filter(facts => isOwned(facts, switches)).map(({ ifname }) => ifname),
  );
  const ovsPorts = new Map(of('ovs-port').map(one => [one.ifname as string, one]));
  const facts = {
    observed,
    rtTables,
    links,
    owned,
    link: (name: string) => linkObjects.get(name),
    setting: (name: string, setting: string) => settings.get(`${name} ${setting}`),
    addresses: (name: string) => (addresses.get(name) ?? []).filter(isGiven),
    routes: (name: string) => byDevice.get(name) ?? [],
    allRoutes: routes,
    rules: of('rule'),
    ovsPort: (name: string) => ovsPorts.get(name),
    ovsMtu: (name: string) => of('ovs-bridge').find(one => one.ifname === name)?.mtu,
  };
  return withSections(facts);
}

type Facts = Omit<Scene, 'sections' | 'unfit' | 'isSection' | 'ports'>;

/** A bond whose ports all are unfit is so itself, and so on: until nothing changes. */
function withSections(facts: Facts): Scene {
  const unfit = new Map<string, string>();
  const candidates = [...facts.links.values()].filter(
    one => kindOf(one, facts) !== undefined && !facts.owned.has(one.ifname),
  );
  const isSection = (name: string): boolean =>
    !unfit.has(name) && candidates.some(({ ifname }) => ifname === name);
  const ports = (master: string): readonly Ifname[] =>
    portsOf(master, facts).filter(port => portProblem(port, facts, unfit) === undefined);
  for (let before = -1; before !== unfit.size; ) {
    before = unfit.size;
    for (const one of candidates) {
      const why = unfit.has(one.ifname) ? undefined : problemOf(one, ports(one.ifname), facts);
      if (why !== undefined) unfit.set(one.ifname, why);
    }
  }
  return { ...facts, unfit, isSection, ports, sections: candidates.filter(one => isSection(one.ifname)) };
}

export function portsOf(master: string, facts: Facts): readonly Ifname[] {
  return [...facts.links.values()]
    .filter(link => masterOf(link, facts) === master && !facts.owned.has(link.ifname))
    .map(({ ifname }) => ifname);
}

/** A bridge of Open vSwitch has a port of its own name. */
export function masterOf({ ifname, master }: LinkFacts, { ovsPort }: Facts): string | undefined {
  const bridge = ovsPort(ifname)?.bridge;
  return bridge === ifname ? master : (bridge ?? master);
}

/** Of links that sections describe, which. */
export function kindOf(
  { ifname, type }: LinkFacts,
  { observed }: Facts,
): ImportedSection['kind'] | undefined {
  if (observed.ovsBridges?.includes(ifname)) return 'ovs';
  if (type === 'bond' || type === 'vlan' || type === 'bridge' || type === 'vrf') return type;
  return undefined;
}

/** Why no section describes a link as it is. */
function problemOf(one: LinkFacts, ports: readonly Ifname[], facts: Facts): string | undefined {
  const { ifname, up, type } = one;
  const link = facts.link(ifname);
  if (!parses(() => parseName(ifname, ''))) return 'no section has such a name';
  if (!up) return 'it is down';
  if (type === 'bond') {
    if (link?.mode !== 'active-backup' && link?.mode !== '802.3ad') return `its mode is ${link?.mode}`;
    if (ports.length === 0) return 'it has no ports';
  }
  if (type === 'vlan' && link !== undefined) {
    if (link.protocol !== undefined) return `its protocol is ${link.protocol}`;
    if (link.parent === undefined) return 'what it is on is in another network namespace';
    if (facts.owned.has(link.parent)) return `what it is on, ${link.parent}, is of VM software`;
    if (!(Number(link.id) >= 1 && Number(link.id) <= 4094)) return `its VLAN id is ${link.id}`;
  }
  if (type === 'vrf' && isKernelTable(link?.table ?? 0)) return `its table is ${link?.table}`;
  return hindrance(one, facts);
}

/** As a port of a bond or a bridge it should have no addresses and routes: `host up` would take them away. */
function hindrance(link: LinkFacts, facts: Facts): string | undefined {
  const { ifname } = link;
  const master = masterOf(link, facts);
  const above = facts.links.get((master ?? '') as Ifname);
  const kind = above === undefined ? undefined : kindOf(above, facts);
  if (kind !== 'bond' && kind !== 'bridge' && kind !== 'ovs') return undefined;
  if (facts.addresses(ifname).length > 0) return `it is a port of ${master} and has addresses of its own`;
  return facts.routes(ifname).length > 0 ? `it is a port of ${master} and has routes of its own` : undefined;
}

/** Why a port is not named among those of its master. */
export function portProblem(
  port: Ifname,
  facts: Facts,
  unfit: ReadonlyMap<string, string>,
): string | undefined {
  const link = facts.links.get(port);
  if (link === undefined) return 'it is not there';
  if (!parses(() => parseName(port, ''))) return 'no section takes such a name';
  if (unfit.has(port)) return unfit.get(port);
  if (!link.up) return 'it is down';
  const switched = facts.ovsPort(port);
  if (switched !== undefined && !MODES.includes(switched.vlanMode)) return `its mode is ${switched.vlanMode}`;
  return hindrance(link, facts);
}

/** Of a port of Open vSwitch. */
const MODES: readonly (string | undefined)[] = [undefined, 'access', 'trunk', 'native-untagged'];

/** Whether the file takes it. */
export function parses(parse: () => unknown): boolean {
  try {
    parse();
    return true;
  } catch (thrown) {
    if (thrown instanceof VmnetError) return false;
    throw thrown;
  }
}

export function addressText({
  address,
  length,
}: {
  readonly address: Address;
  readonly length: number;
}): string {
  return `${address.text}/${length}`;
}

export function isAddressOfFile(address: LinkAddress): boolean {
  return parses(() => hostAddress(addressText(address), ''));
}
