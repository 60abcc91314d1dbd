import type { Identity } from '../model/identity.ts';
import { MAIN_TABLE } from '../model/network.ts';
import type { Route } from '../model/object.ts';
import type { LinkFacts, Observed } from '../observed/query.ts';
import { sectionOf } from './links.ts';
import { networksOf } from './networks.ts';
import { isByHand, routeText } from './routes.ts';
import { addressText, type Imported, type ImportedSection, kindOf, type Scene, sceneOf } from './scene.ts';

const ORDER: readonly ImportedSection['kind'][] = ['bond', 'vlan', 'bridge', 'vrf', 'ovs', 'network'];

/** The sections that describe what the host runs, and in words what of it no section says; see EVERYTHING. */
export function importHost(
  observed: Observed,
  rtTables: ReadonlyMap<string, number>,
  identity: Identity,
): Imported {
  const scene = sceneOf(observed, rtTables);
  const networks = networksOf(scene, identity);
  const sections = [
    ...scene.sections.map(facts => sectionOf(facts, scene)),
    ...networks.sections,
    ...switched(scene, new Set(networks.sections.map(({ name }) => name))),
  ];
  return {
    sections: sections.sort((a, b) => ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind)),
    left: [
      ...[...scene.links.values()].flatMap(facts => leftOf(facts, scene)),
      ...scene.allRoutes.filter(isNowhere).map(route => `not said: route ${routeText(route)}`),
      ...networks.left,
    ],
  };
}

/** A network for VMs on each VLAN-aware bridge: its uplinks get the VLANs of its NICs. */
function switched(scene: Scene, taken: ReadonlySet<string>): readonly ImportedSection[] {
  return scene.sections.flatMap((facts): ImportedSection[] => {
    const { ifname, bridgeVlans } = facts;
    const uplinks = scene.ports(ifname).filter(port => hasTags(port, scene));
    if (bridgeVlans?.filtering !== true || uplinks.length === 0 || taken.has(ifname)) return [];
    const keys = [
      ['mode', 'bridged'],
      ['link', ifname],
      ['vlan-uplinks', uplinks.join(' ')],
    ] as const;
    return [{ kind: 'network', name: ifname, keys, notes: [] }];
  });
}

/** By several links, or unreachable. */
function isNowhere(route: Route): boolean {
  return route.table === MAIN_TABLE && route.dev === undefined && isByHand(route);
}

function hasTags(port: string, { observed }: Scene): boolean {
  return observed.objects.some(
    object => object.kind === 'bridge-vlan' && object.ifname === port && !object.untagged,
  );
}

/** What is to be known of a link that gets no section. */
function leftOf(facts: LinkFacts, scene: Scene): readonly string[] {
  const { ifname, type, mtu, up, master } = facts;
  if (scene.owned.has(ifname) || scene.isSection(ifname)) return [];
  const why = scene.unfit.get(ifname);
  const kind = kindOf(facts, scene) ?? type;
  if (why !== undefined) return [`[${kind} ${ifname}]: ${why}`, ...reach(facts, scene)];
  const isIdle = !up && master === undefined;
  const others =
    type === undefined || ifname === 'lo' || isIdle
      ? []
      : [`${ifname}: no section makes a link of type ${type}`];
  const long = type === undefined && up && mtu !== 1500 && ifname !== 'lo' && !setByMaster(facts, scene);
  return [...others, ...(long ? [`${ifname}: mtu ${mtu}`] : []), ...reach(facts, scene)];
}

/** A bond, and a bridge that says its MTU, give it to their ports. */
function setByMaster({ master, mtu }: LinkFacts, scene: Scene): boolean {
  return master !== undefined && scene.isSection(master) && scene.links.get(master)?.mtu === mtu;
}

function reach({ ifname, master }: LinkFacts, scene: Scene): readonly string[] {
  const inVrf = scene.links.get(master ?? '')?.type === 'vrf';
  return [
    ...scene
      .addresses(ifname)
      .map(one => `${ifname}: ${one.dynamic === true ? 'dynamic ' : ''}address ${addressText(one)}`),
    ...(inVrf
      ? []
      : scene
          .routes(ifname)
          .filter(route => isByHand(route) && route.table === MAIN_TABLE)
          .map(route => `${ifname}: route ${routeText(route)}`)),
  ];
}
