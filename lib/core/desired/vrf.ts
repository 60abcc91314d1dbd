import { FAMILIES, type Family, hostPrefix, isLinkLocal, type Prefix } from '../model/address.ts';
import type { VrfSection } from '../model/config.ts';
import type { HostLink } from '../model/host-links.ts';
import { HOST_PROTOCOL, RULE_PROTOCOL, VRF_PREFERENCES } from '../model/identity.ts';
import { LOCAL_TABLE, MAIN_TABLE } from '../model/network.ts';
import {
  type KernelObject,
  keyOf,
  type LinkAddress,
  type Route,
  type Rule,
  type Sysctl,
} from '../model/object.ts';
import { isMovable } from '../observed/host-scope.ts';
import type { Observed } from '../observed/query.ts';

/** What a VRF needs besides its link, its ports and the routes that its section gives. */
export function vrfObjects(
  section: VrfSection,
  links: readonly HostLink[],
  { observed, given }: { readonly observed: Observed; readonly given: readonly Route[] },
): readonly KernelObject[] {
  return [
    ...sysctlsOf(section),
    ...LOOPBACKS.map(([text, length]) => loopback(section, text, length)),
    ...rulesOf(section, links, observed),
    ...observed.objects.filter(isGivenForATime(section)),
    ...takenRoutes(section, observed, given),
    ...section.leak.map(prefix => leakRoute(section, prefix)),
  ];
}

/**
 * A VRF is no loopback to the kernel, which takes nothing but an address itself for local: the stub that most hosts
 * have in resolv.conf has to be there as well.
 */
const LOOPBACKS = [
  ['127.0.0.1', 8],
  ['127.0.0.53', 32],
  ['::1', 128],
] as const;

function loopback({ name }: VrfSection, text: string, length: number): LinkAddress {
  const address = { family: text.includes(':') ? (6 as const) : (4 as const), text };
  return { kind: 'address', ifname: name, address, length };
}

function sysctlsOf({ strict, accept, scope, ports }: VrfSection): readonly Sysctl[] {
  return [
    // Else the next advertisement of a router would bring a default route.
    ...(scope === 'lan' ? ports.map(port => sysctl(`net/ipv6/conf/${port}/accept_ra_defrtr`, false)) : []),
    ...(strict === undefined ? [] : [sysctl('net/vrf/strict_mode', strict)]),
    ...(accept === undefined
      ? []
      : (['tcp', 'udp', 'raw'] as const).map(one => acceptSysctl(one, accept.includes(one)))),
  ];
}

/** Whether sockets that are in no VRF take what comes in by one. */
export function acceptSysctl(protocol: 'tcp' | 'udp' | 'raw', on: boolean): Sysctl {
  return sysctl(`net/ipv4/${protocol}_l3mdev_accept`, on);
}

function sysctl(path: string, on: boolean): Sysctl {
  return { kind: 'sysctl', path, value: on ? '1' : '0' };
}

/** All of protocol `kernel`: systemd-networkd deletes others, and a family without a rule for table local is dead. */
function rulesOf(section: VrfSection, links: readonly HostLink[], observed: Observed): readonly Rule[] {
  const isFirst = ![...observed.links.values()].some(({ type }) => type === 'vrf');
  return FAMILIES.flatMap((family): readonly Rule[] => {
    const rule = (preference: number, action: Rule['action'], from?: Prefix): Rule => ({
      kind: 'rule',
      family,
      preference,
      ...(from === undefined ? {} : { from }),
      action,
      protocol: RULE_PROTOCOL,
    });
    const { from, own, noOther, localLater } = VRF_PREFERENCES;
    return [
      rule(localLater, { do: 'lookup', table: LOCAL_TABLE }),
      // With the first VRF the kernel makes it itself.
      ...(isFirst ? [] : [rule(own, { do: 'l3mdev' })]),
      rule(noOther, { do: 'l3mdev unreachable' }),
      ...addressesOf(section, links, observed)
        .filter(address => address.family === family)
        .map(address => rule(from, { do: 'lookup', table: section.table }, hostPrefix(address))),
    ];
  });
}

/** The host's addresses in the VRF, those that its ports have and those that they are given. */
function addressesOf({ ports }: VrfSection, links: readonly HostLink[], { objects }: Observed) {
  const names = new Set<string>(ports);
  const found = objects.flatMap(object =>
    object.kind === 'address' && names.has(object.ifname) ? [object.address] : [],
  );
  const given = links
    .filter(({ section }) => names.has(section.name))
    .flatMap(({ section }) => section.addresses.map(({ address }) => address));
  const all = [...found, ...given].filter(address => !isLinkLocal(address));
  return [...new Map(all.map(address => [address.text, address])).values()];
}

/** IPv6 addresses with a lifetime go when the link joins, whatever keep_addr_on_down says. */
export function isGivenForATime({ ports }: Pick<VrfSection, 'ports'>) {
  const names = new Set<string>(ports);
  return (object: KernelObject): object is LinkAddress =>
    object.kind === 'address' &&
    object.dynamic === true &&
    object.address.family === 6 &&
    names.has(object.ifname);
}

/**
 * The routes that the ports have, whoever made them: those of main go over into the VRF's table, except defaults where
 * the section gives one, and in scope `lan` all that leads to a router.
 */
function takenRoutes(
  { ports, table, scope }: VrfSection,
  observed: Observed,
  given: readonly Route[],
): readonly Route[] {
  const families = new Set(
    given.filter(route => isDefault(route) && route.type === 'unicast').map(({ prefix }) => prefix.family),
  );
  const isWanted = (route: Route): boolean => {
    if (route.table !== table) return true;
    if (scope === 'lan' && (route.via !== undefined || isDefault(route))) return false;
    return !isDefault(route) || !families.has(route.prefix.family);
  };
  const homes = tablesOf(ports, observed);
  const found = routesOfPorts(ports, observed.objects);
  const others = found.filter(route => route.table === table || !homes.has(route.table));
  const there = new Set(others.map(keyOf));
  // What somebody has put into both is not to come a second time, with a metric of its own.
  const moved = found.filter(
    route => route.table !== table && homes.has(route.table) && !there.has(keyOf({ ...route, table })),
  );
  return [...others, ...moved.map(route => moveTo(route, table))].filter(isWanted);
}

/** Where the ports have their routes now: in main, or in that of the VRF that they are in. */
function tablesOf(ports: readonly string[], { objects, links }: Observed): ReadonlySet<number | undefined> {
  const masters = new Set(ports.map(port => links.get(port)?.master));
  const vrfs = objects.flatMap(object =>
    object.kind === 'link' && object.type === 'vrf' && masters.has(object.ifname) ? [object.table] : [],
  );
  return new Set([MAIN_TABLE, ...vrfs]);
}

/** All that goes when the ports leave for another table, but for vmnet's own, of which the file knows more. */
export function routesOfPorts(ports: readonly string[], objects: readonly KernelObject[]): readonly Route[] {
  const names = new Set(ports);
  return objects
    .filter(isMovable)
    .filter(({ dev, type, protocol }) => names.has(dev) && type === 'unicast' && protocol !== HOST_PROTOCOL);
}

/** RTPROT_RA */
const BY_ADVERTISEMENT = 9;
const OWN_METRIC = 1024;

/**
 * The kernel does not know a route of a router's advertisement that it has not made itself, and stops reading the next
 * advertisement when there is one with the same metric: so it gets another, until the kernel's is there.
 */
export function moveTo(route: Route, table: number): Route {
  const { protocol, metric } = route;
  const isOfKernel = protocol === BY_ADVERTISEMENT && metric === OWN_METRIC;
  return { ...route, table, ...(isOfKernel ? { metric: OWN_METRIC + 1 } : {}) };
}

function isDefault({ prefix }: Route): boolean {
  return prefix.length === 0;
}

/** Out of the VRF itself, which looks its own table up then. */
function leakRoute({ name }: VrfSection, prefix: Prefix): Route {
  const metric = LEAK_METRIC[prefix.family];
  return {
    kind: 'route',
    table: MAIN_TABLE,
    prefix,
    type: 'unicast',
    dev: name,
    metric,
    protocol: HOST_PROTOCOL,
  };
}

const LEAK_METRIC: Readonly<Record<Family, number>> = { 4: 0, 6: 1024 };
