import { contains, FAMILIES, type Family } from '../model/address.ts';
import { type Identity, isOurs, VMNET_PROTOCOL, VRF_PREFERENCES } from '../model/identity.ts';
import { isKernelTable } from '../model/network.ts';
import type { Route, Rule } from '../model/object.ts';
import { actionOf, selectorOf } from '../model/rule-text.ts';
import { NETWORK_NAME, subnet } from '../source/config-values.ts';
import { hasPlainMetric, isLastResort, keyOf, routeText } from './routes.ts';
import { type Imported, type ImportedSection, parses, type Scene } from './scene.ts';

interface Half {
  readonly family: Family;
  readonly uplink: string;
  readonly subnet: Route;
  readonly gateway: Route;
}

/** Tables that rules send the packets of VMs to, as networks; and what of tables and rules is left. */
export function networksOf(scene: Scene, identity: Identity): Imported {
  const domains = new Set(
    [...scene.links.values()].flatMap(({ ifname, type }) =>
      type === 'vrf' ? [scene.link(ifname)?.table] : [],
    ),
  );
  const routes = scene.allRoutes.filter(({ table }) => !isKernelTable(table) && !domains.has(table));
  const found = [...Map.groupBy(routes, ({ table }) => table)]
    .sort(([a], [b]) => a - b)
    .map(([table, own]) => networkOf(table, own, scene));
  const taken = new Map<string, string>();
  const sections: ImportedSection[] = [];
  const left: string[] = [];
  for (const { section, uplinks, rest } of found) {
    const clash = uplinks.flatMap(uplink => taken.get(uplink) ?? [])[0];
    if (section !== undefined && clash === undefined) {
      sections.push({ ...section, notes: rest });
      for (const uplink of uplinks) taken.set(uplink, section.name);
    } else
      left.push(
        ...(clash === undefined
          ? []
          : [`not said: network ${section?.name}, whose uplink is that of ${clash}`]),
        ...rest,
      );
  }
  const tables = new Set(
    found.flatMap(({ section, table }) =>
      section !== undefined && sections.some(one => one.name === section.name) ? [table] : [],
    ),
  );
  return { sections, left: [...left, ...strayRules(scene, tables, identity)] };
}

function networkOf(
  table: number,
  routes: readonly Route[],
  scene: Scene,
): {
  readonly table: number;
  readonly section?: Omit<ImportedSection, 'notes'>;
  readonly uplinks: readonly string[];
  readonly rest: readonly string[];
} {
  const halves = FAMILIES.flatMap(family => halfOf(family, routes) ?? []);
  const used = new Set(halves.flatMap(half => [half.subnet, half.gateway]));
  const rest = routes
    .filter(route => !used.has(route) && !isLastResort(route) && !isOfVm(route, scene))
    .map(route => `not said: route ${routeText(route)} dev ${route.dev ?? 'none'} of table ${table}`);
  const isAsked = scene.rules.some(({ action }) => action.do === 'lookup' && action.table === table);
  if (halves.length === 0 || !isAsked) {
    const all = routes
      .filter(route => used.has(route))
      .map(route => `not said: route ${routeText(route)} dev ${route.dev} of table ${table}`);
    return { table, uplinks: [], rest: [...all, ...rest] };
  }
  const name = [...scene.rtTables].find(([word, number]) => number === table && NETWORK_NAME.test(word))?.[0];
  const [four, six] = FAMILIES.map(family => halves.find(half => half.family === family));
  return {
    table,
    uplinks: [
      ...(four === undefined ? [] : [`4 ${four.uplink}`]),
      ...(six === undefined ? [] : [`6 ${six.uplink}`]),
    ],
    rest,
    section: {
      kind: 'network',
      name: name ?? `table-${table}`,
      keys: [
        ['mode', 'routed'],
        ['link', name ?? String(table)],
        ['table', String(table)],
        ...keyOf('uplink', four?.uplink ?? six?.uplink),
        ...keyOf('uplink6', four !== undefined && six?.uplink !== four.uplink ? six?.uplink : undefined),
        ...keyOf('subnet', four?.subnet.prefix.text),
        ...keyOf('gateway', four?.gateway.via?.text),
        ...keyOf('subnet6', six?.subnet.prefix.text),
        ...keyOf('gateway6', six?.gateway.via?.text),
      ],
    },
  };
}

/** A default route, and the subnet on the same link that its router is in. */
function halfOf(family: Family, routes: readonly Route[]): Half | undefined {
  const own = routes.filter(({ prefix, type }) => prefix.family === family && type === 'unicast');
  for (const gateway of own) {
    const { via, dev, prefix } = gateway;
    if (prefix.length > 0 || via?.family !== family || dev === undefined || !hasPlainMetric(gateway))
      continue;
    const near = own.filter(
      route =>
        route.dev === dev && route.via === undefined && hasPlainMetric(route) && isSubnet(route, family),
    );
    // A router with a link-local address is in every subnet of the link.
    const found =
      near.find(route => contains(route.prefix, via)) ?? (via.text.startsWith('fe80:') ? near[0] : undefined);
    if (found !== undefined) return { family, uplink: dev, subnet: found, gateway };
  }
  return undefined;
}

function isSubnet({ prefix }: Route, family: Family): boolean {
  return prefix.length < (family === 4 ? 32 : 128) && parses(() => subnet(family)(prefix.text, ''));
}

/** What was attached is not configuration. */
function isOfVm({ dev, prefix, protocol, via }: Route, scene: Scene): boolean {
  if (protocol === VMNET_PROTOCOL || scene.owned.has(dev ?? '')) return true;
  return (
    via === undefined &&
    prefix.length === (prefix.family === 4 ? 32 : 128) &&
    scene.links.get(dev ?? '')?.type === 'tun'
  );
}

/** 0 local, 32766 main, 32767 default. */
const OF_THE_KERNEL = [0, 32_766, 32_767];
const OF_VRFS: readonly number[] = Object.values(VRF_PREFERENCES);

/** Rules that neither the kernel, nor vmnet, nor a network of this file has. */
function strayRules(scene: Scene, tables: ReadonlySet<number>, identity: Identity): readonly string[] {
  return scene.rules
    .filter(
      rule =>
        !OF_THE_KERNEL.includes(rule.preference) &&
        !(scene.sections.some(({ type }) => type === 'vrf') && OF_VRFS.includes(rule.preference)) &&
        !isOurs(rule, identity) &&
        !isOfNetwork(rule, tables),
    )
    .map(
      rule =>
        `not said: rule of IPv${rule.family}, ${rule.preference}: ${selectorOf(rule)} ${actionOf(rule)}`,
    );
}

function isOfNetwork({ action }: Rule, tables: ReadonlySet<number>): boolean {
  return action.do === 'lookup' && tables.has(action.table);
}
