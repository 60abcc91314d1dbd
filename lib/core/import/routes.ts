import { type Address, contains, isLinkLocal, parsePrefix } from '../model/address.ts';
import { HOST_PROTOCOL, VMNET_PROTOCOL } from '../model/identity.ts';
import { LAST_RESORT_METRIC, MAIN_TABLE } from '../model/network.ts';
import type { LinkAddress, Route } from '../model/object.ts';
import { addressText, isAddressOfFile, type Scene } from './scene.ts';

type Keys = readonly (readonly [string, string])[];

interface Said {
  readonly keys: Keys;
  readonly notes: readonly string[];
}

/** rt_protos numbers of who gives routes for a time: router advertisements, DHCP. */
const DYNAMIC: readonly number[] = [9, 16];
/** Those of an administrator: `boot` is what `ip route add` writes, `static` what others do for them. */
const BY_HAND: readonly number[] = [3, 4, HOST_PROTOCOL];

/** Addresses, gateways and routes of a link. */
export function reachOf(name: string, scene: Scene): Said {
  const all = scene.addresses(name);
  const fixed = all.filter(one => one.dynamic !== true && isAddressOfFile(one));
  const given = all.filter(one => one.dynamic === true);
  const strange = all.filter(one => one.dynamic !== true && !isAddressOfFile(one));
  const routes = routesOf(name, fixed, scene);
  return {
    keys: [...keyOf('addresses', fixed.map(addressText).join(' ')), ...routes.keys],
    notes: [
      ...given.map(one => `dynamic: ${addressText(one)}`),
      ...strange.map(one => `not said: address ${addressText(one)}`),
      ...routes.notes,
    ],
  };
}

/** The routes of a link that are in the table of its domain; those of a policy table are a network's. */
function routesOf(name: string, addresses: readonly LinkAddress[], scene: Scene): Said {
  const table = domainOf(name, scene);
  const isVrf = scene.links.get(name)?.type === 'vrf';
  const routes = isVrf
    ? ofVrf(name, table, scene)
    : scene.routes(name).filter(route => route.table === table);
  const mine = routes.filter(isByHand);
  const near = (via: Address): boolean =>
    isVrf || isLinkLocal(via) || addresses.some(one => covers(one, via));
  const gateway = (family: 4 | 6): Route | undefined =>
    mine.find(
      route =>
        route.prefix.length === 0 &&
        route.prefix.family === family &&
        hasPlainMetric(route) &&
        route.via?.family === family &&
        near(route.via),
    );
  const gateways = [gateway(4), gateway(6)];
  const rest = mine.filter(route => !gateways.includes(route));
  const said = rest.filter(isSayable);
  return {
    keys: [
      ...keyOf('gateway', gateways[0]?.via?.text ?? ''),
      ...keyOf('gateway6', gateways[1]?.via?.text ?? ''),
      ...keyOf('routes', said.map(routeText).join(', ')),
    ],
    notes: [
      ...routes
        .filter(({ protocol }) => DYNAMIC.includes(protocol))
        .map(route => `dynamic: route ${routeText(route)}`),
      ...rest.filter(route => !isSayable(route)).map(route => `not said: route ${routeText(route)}`),
      ...mine.flatMap(({ source, prefix }) =>
        source === undefined ? [] : [`not said: source ${source.text} of the route to ${prefix.text}`],
      ),
      ...daemonNotes(routes),
    ],
  };
}

/** Of the routes in a VRF's table those that no section of a port says, where the file would say them so. */
function ofVrf(name: string, table: number, scene: Scene): readonly Route[] {
  return scene.allRoutes.filter(
    route =>
      route.table === table &&
      route.dev !== undefined &&
      !scene.isSection(route.dev === name ? '' : route.dev) &&
      toward(name, route.via, scene) === route.dev,
  );
}

/** As portToward() of the desired host has it. */
function toward(vrf: string, via: Address | undefined, scene: Scene): string {
  const ports = scene.ports(vrf);
  const near = ports.find(
    port => via !== undefined && scene.isSection(port) && scene.addresses(port).some(one => covers(one, via)),
  );
  return near ?? (ports.length === 1 ? (ports[0] ?? vrf) : vrf);
}

/** Routes in a VRF's table that neither the VRF nor a port of it says. */
export function lostInVrf(name: string, scene: Scene): readonly string[] {
  const table = domainOf(name, scene);
  const said = ofVrf(name, table, scene);
  return scene.allRoutes
    .filter(route => route.table === table && !isLastResort(route) && !said.includes(route))
    .filter(route => route.dev === undefined || !scene.isSection(route.dev) || route.dev === name)
    .map(
      route =>
        `not said: ${route.type === 'unicast' ? '' : 'unreachable '}route ${routeText(route)} dev ${route.dev ?? 'none'}`,
    );
}

export function isLastResort({ type, prefix, metric }: Route): boolean {
  return type === 'unreachable' && prefix.length === 0 && metric === LAST_RESORT_METRIC;
}

/** The table that the file puts a link's routes into. */
function domainOf(name: string, scene: Scene): number {
  const facts = scene.links.get(name);
  const vrf = facts?.type === 'vrf' ? name : facts?.master;
  if (vrf === undefined || scene.links.get(vrf)?.type !== 'vrf' || !scene.isSection(vrf)) return MAIN_TABLE;
  return scene.link(vrf)?.table ?? MAIN_TABLE;
}

export function isByHand({ protocol }: Route): boolean {
  return BY_HAND.includes(protocol);
}

export function covers(one: LinkAddress, address: Address): boolean {
  return contains(parsePrefix(addressText(one), ''), address);
}

export function hasPlainMetric({ metric, prefix }: Route): boolean {
  return metric === (prefix.family === 4 ? 0 : 1024);
}

/** `routes` says a default route only beside the one of `gateway`, and no router of the other family. */
function isSayable(route: Route): boolean {
  if (route.type !== 'unicast' || (route.via !== undefined && route.via.family !== route.prefix.family))
    return false;
  if (!hasPlainMetric(route) && route.metric === 0) return false;
  return route.prefix.length > 0 || (route.via !== undefined && !hasPlainMetric(route));
}

export function routeText(route: Route): string {
  return [
    route.prefix.text,
    ...(route.via === undefined ? [] : [`via ${route.via.text}`]),
    ...(hasPlainMetric(route) ? [] : [`metric ${route.metric}`]),
  ].join(' ');
}

/** A routing daemon has them in its own configuration. */
function daemonNotes(routes: readonly Route[]): readonly string[] {
  const others = routes.filter(
    ({ protocol }) =>
      !BY_HAND.includes(protocol) && !DYNAMIC.includes(protocol) && protocol !== VMNET_PROTOCOL,
  );
  return [...Map.groupBy(others, ({ protocol }) => protocol)].map(
    ([protocol, found]) => `not said: ${found.length} routes of protocol ${protocol}`,
  );
}

export function keyOf(key: string, value: string | undefined): Keys {
  return value === undefined || value === '' ? [] : [[key, value]];
}
