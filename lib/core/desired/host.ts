import { type Address, contains, defaultPrefix, FAMILIES, parsePrefix } from '../model/address.ts';
import type { HostRoute, OvsSection, VrfSection } from '../model/config.ts';
import { digest } from '../model/digest.ts';
import {
  type HostLink,
  type HostSections,
  hostLinks,
  hostOrder,
  lowerOf,
  mastersOf,
} from '../model/host-links.ts';
import { HOST_PROTOCOL } from '../model/identity.ts';
import type { Ifname } from '../model/ifname.ts';
import type { Link } from '../model/link.ts';
import { LAST_RESORT_METRIC, MAIN_TABLE } from '../model/network.ts';
import {
  type KernelObject,
  type LinkAddress,
  type LinkSetting,
  type Route,
  textOf,
} from '../model/object.ts';
import type { OvsBridge } from '../model/ovs-bridge.ts';
import type { OvsPort } from '../model/ovs-port.ts';
import type { Observed } from '../observed/query.ts';
import { type Settings, settingsOfHostLink, settingsOfPort } from './host-settings.ts';
import { vrfObjects } from './vrf.ts';

/**
 * What the host's own links need, in an order in which it can be made: bonds, bridges and VRFs exist before a port joins
 * them, a VLAN when its parent has its ports, and its MTU, since it takes both over. Addresses and routes come last.
 */
export function hostObjects(config: HostSections, now: Observed): readonly KernelObject[] {
  const observed = now.links;
  const links = hostLinks(config);
  const named = new Map(links.map(link => [link.section.name, link]));
  const masters = mastersOf(links);
  const sorted = hostOrder(links);
  const order = 'order' in sorted ? sorted.order : [];
  return [
    ...links.flatMap(link => (link.type === 'ovs' ? switchObjects(link.section) : [])),
    ...links.flatMap(link => (link.type === 'vlan' || link.type === 'ovs' ? [] : [linkObject(link)])),
    ...order.flatMap((name): KernelObject[] => {
      const link = named.get(name);
      const master = masters.get(name);
      const settings: Settings = {
        ...(link === undefined ? { state: 'up' } : settingsOfHostLink(link, links, observed)),
        ...(master === undefined ? released(name, named, observed) : settingsOfPort(master, link)),
      };
      return [
        ...(link?.type === 'vlan' ? [linkObject(link)] : []),
        ...settingObjects(name, settings, { bond: master?.type === 'bond', observed }),
      ];
    }),
    ...links.flatMap(({ section }) => section.addresses.map(one => addressObject(section.name, one))),
    ...links.flatMap((link): readonly KernelObject[] => {
      const given = routesOf(link, links);
      if (link.type !== 'vrf') return given;
      return [
        ...vrfObjects(link.section, links, { observed: now, given: givenTo(link.section, links) }),
        ...given,
      ];
    }),
  ];
}

/** Tells one file's wishes from another's. */
export function askedOf(config: HostSections): string {
  return digest(hostObjects(config, { objects: [], links: new Map() }).map(textOf).join('\n'));
}

/** A link of the file that is a port of another one, which does not name it: in a link that nobody describes it may stay. */
function released(name: Ifname, named: ReadonlyMap<Ifname, HostLink>, observed: Observed['links']): Settings {
  const master = observed.get(name)?.master;
  return named.has(name) && named.has(master as Ifname) ? { master: 'none' } : {};
}

/** A port of which nothing is said carries all VLANs. */
function switchObjects({ name, mtu, uplink, tag, trunks }: OvsSection): readonly (OvsBridge | OvsPort)[] {
  const bridge: OvsBridge = {
    kind: 'ovs-bridge',
    ifname: name,
    ...(mtu === undefined ? {} : { mtu }),
    made: true,
  };
  if (uplink === undefined) return [bridge];
  const base = {
    kind: 'ovs-port' as const,
    ifname: uplink,
    bridge: name,
    isolated: false,
    ofHost: true as const,
  };
  if (tag === undefined) return [bridge, { ...base, vlanMode: 'trunk', trunks }];
  return [bridge, { ...base, vlanMode: trunks.length === 0 ? 'access' : 'native-untagged', tag, trunks }];
}

function linkObject(link: Exclude<HostLink, { type: 'ovs' }>): Link {
  const base = { kind: 'link' as const, ifname: link.section.name, type: link.type };
  if (link.type === 'bond') return { ...base, mode: link.section.mode };
  if (link.type === 'vlan') return { ...base, parent: link.section.parent, id: link.section.id };
  return link.type === 'vrf' ? { ...base, table: link.section.table } : base;
}

/** A port of a bond has to be down when it joins, and the bond leaves it down when it goes. */
export function settingObjects(
  ifname: Ifname,
  settings: Settings,
  { bond, observed }: { readonly bond: boolean; readonly observed: Observed['links'] },
): readonly LinkSetting[] {
  const was = observed.get(ifname)?.master;
  const leaves = was !== undefined && observed.get(was as Ifname)?.type === 'bond';
  return Object.entries(settings).flatMap(([name, value]): LinkSetting[] => {
    if (value === undefined) return [];
    const setting = name as LinkSetting['setting'];
    const moved = setting === 'master' && (bond || (leaves && value !== was));
    const restart = settings.state === 'down' ? ('down' as const) : ('up' as const);
    return [{ kind: 'link-setting', ifname, setting, value, ...(moved ? { restart } : {}) }];
  });
}

function addressObject(
  ifname: Ifname,
  { address, length }: { readonly address: Address; readonly length: number },
): LinkAddress {
  return { kind: 'address', ifname, address, length };
}

/** The routes that sections put into the VRF's table. */
function givenTo({ table }: VrfSection, links: readonly HostLink[]): readonly Route[] {
  return links.flatMap(link => routesOf(link, links)).filter(route => route.table === table);
}

/** The routes of a port of a VRF are in the VRF's table, and so are the VRF's own, which lead out of its ports. */
function routesOf(link: HostLink, links: readonly HostLink[]): readonly Route[] {
  const { section } = link;
  const master = mastersOf(links).get(section.name);
  const vrf = link.type === 'vrf' ? link.section : master?.type === 'vrf' ? master.section : undefined;
  const table = vrf?.table ?? MAIN_TABLE;
  const gateways = [section.gateway, section.gateway6].flatMap((via): HostRoute[] =>
    via === undefined ? [] : [{ prefix: defaultPrefix(via.family), via }],
  );
  const routes = [...section.routes, ...gateways].map(route => ({
    ...routeObject(route, table),
    dev: link.type === 'vrf' ? portToward(link.section, route.via, links) : section.name,
  }));
  const isClosed = link.type === 'vrf' && link.section.unreachable;
  return [...routes, ...(isClosed ? FAMILIES.map(family => lastResort(family, table)) : [])];
}

function routeObject({ prefix, via, metric }: HostRoute, table: number): Route {
  return {
    kind: 'route',
    table,
    prefix,
    type: 'unicast',
    ...(via === undefined ? {} : { via }),
    metric: metric ?? (prefix.family === 4 ? 0 : 1024),
    protocol: HOST_PROTOCOL,
  };
}

/** The port behind which a router is; that it can be told is checked with the file. */
export function portToward(
  { ports, name, where }: VrfSection,
  via: Address | undefined,
  links: readonly HostLink[],
): Ifname {
  const near = ports.find(port =>
    links
      .find(({ section }) => section.name === port)
      ?.section.addresses.some(
        ({ address, length }) =>
          via !== undefined && contains(parsePrefix(`${address.text}/${length}`, where), via),
      ),
  );
  return near ?? (ports.length === 1 && ports[0] !== undefined ? ports[0] : name);
}

/** What has no route in a VRF must not go on to main. */
function lastResort(family: 4 | 6, table: number): Route {
  return {
    kind: 'route',
    table,
    prefix: defaultPrefix(family),
    type: 'unreachable',
    metric: LAST_RESORT_METRIC,
    protocol: HOST_PROTOCOL,
  };
}

/** Every link that the file names, whether it makes it or only uses it. */
export function namesOf(config: HostSections): ReadonlySet<Ifname> {
  return new Set(hostLinks(config).flatMap(link => [link.section.name, ...lowerOf(link)]));
}
