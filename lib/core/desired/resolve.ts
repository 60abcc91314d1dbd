import { quoted, VmnetError } from '../errors.ts';
import {
  type Address,
  contains,
  defaultPrefix,
  eui64,
  FAMILIES,
  type Family,
  type Prefix,
} from '../model/address.ts';
import type { Config, NetworkSection } from '../model/config.ts';
import { type Ifname, parseIfname } from '../model/ifname.ts';
import type { Network, NetworkFamily, Nic, RoutedNic } from '../model/network.ts';
import type { KernelObject } from '../model/object.ts';
import type { NicRequest } from '../model/request.ts';
import type { RouteQuery } from '../observed/query.ts';
import { parseTable } from '../source/config.ts';
import { findNetwork } from '../source/find-network.ts';

/** What a request is looked up in. */
export interface Surroundings {
  readonly config: Config;
  readonly rtTables: ReadonlyMap<string, number>;
  /** The default routes that `defaultRouteQueries` asked for. */
  readonly routes: readonly KernelObject[];
}

/** Where the configuration names no uplink, it is the device of the table's default route: these are to be read. */
export function defaultRouteQueries(
  request: NicRequest,
  { config, rtTables }: Omit<Surroundings, 'routes'>,
): readonly RouteQuery[] {
  if (request.mode !== 'routed') return [];
  const section = sectionOf(request, config);
  return FAMILIES.flatMap(family => {
    if (uplinkOf(section, family) !== undefined) return [];
    return [{ family, table: tableOf(request, section, family, rtTables), prefix: defaultPrefix(family) }];
  });
}

/** Completes a request: network, tables, uplinks and addresses; everything that can be wrong with it is an error here. */
export function resolveNic(request: NicRequest, surroundings: Surroundings): Nic {
  if (request.vlan !== undefined) {
    throw new VmnetError('request', `VLAN ${request.vlan} is not supported yet`, {
      where: request.ifname,
      hint: 'use a bridge, or a network, for each VLAN; without it the NIC would be in the wrong one',
    });
  }
  if (request.mode === 'bridged')
    return { mode: 'bridged', request, bridge: bridgeOf(request, surroundings.config) };
  const section = sectionOf(request, surroundings.config);
  const addresses = guestAddresses(request, subnetOf(request, section, 6));
  const families = FAMILIES.filter(family => addresses.some(address => address.family === family)).map(
    family => familyOf(request, section, family, surroundings),
  );
  const [first] = families;
  if (first === undefined) {
    throw new VmnetError('request', 'a routed NIC needs an address', {
      where: request.ifname,
      hint: 'give --ip, or --mac and a network with a subnet6 of /64',
    });
  }
  const network: Network = {
    // A section may serve several networks of the cluster, by their common link.
    name: request.network.name ?? section?.name ?? request.link ?? String(first.table),
    group: section?.group ?? tableOf(request, section, 4, surroundings.rtTables),
    hostAccess: section?.hostAccess ?? false,
    families,
  };
  checkAddresses({ mode: 'routed', request, addresses, network });
  return { mode: 'routed', request, addresses, network };
}

function sectionOf(request: NicRequest, config: Config): NetworkSection | undefined {
  return findNetwork(config, {
    ...(request.network.name === undefined ? {} : { name: request.network.name }),
    ...(request.link === undefined ? {} : { link: request.link }),
  });
}

function bridgeOf(request: NicRequest, config: Config): Ifname {
  const link = request.link ?? sectionOf(request, config)?.link;
  if (link === undefined) {
    throw new VmnetError('request', 'a bridged NIC needs a bridge', {
      where: request.ifname,
      hint: 'give --link BRIDGE',
    });
  }
  return parseIfname(link, `link of ${request.ifname}`);
}

function subnetOf(
  request: NicRequest,
  section: NetworkSection | undefined,
  family: Family,
): Prefix | undefined {
  return family === 4
    ? (request.network.subnet ?? section?.subnet)
    : (request.network.subnet6 ?? section?.subnet6);
}

function gatewayOf(
  request: NicRequest,
  section: NetworkSection | undefined,
  family: Family,
): Address | undefined {
  return family === 4
    ? (request.network.gateway ?? section?.gateway)
    : (request.network.gateway6 ?? section?.gateway6);
}

function uplinkOf(section: NetworkSection | undefined, family: Family): Ifname | undefined {
  return family === 4 ? section?.uplink : (section?.uplink6 ?? section?.uplink);
}

function tableOf(
  request: NicRequest,
  section: NetworkSection | undefined,
  family: Family,
  rtTables: ReadonlyMap<string, number>,
): number {
  const text =
    (family === 6 ? section?.table6 : undefined) ??
    section?.table ??
    section?.table6 ??
    request.link ??
    section?.link;
  if (text === undefined) {
    const name = request.network.name;
    throw new VmnetError(
      'request',
      name === undefined ? 'no network is given' : `there is no network ${quoted(name)}`,
      {
        where: request.ifname,
        hint: 'give --network with the name of a [network] section, or --link with a routing table',
      },
    );
  }
  return parseTable(text, rtTables, section?.where ?? `link of ${request.ifname}`);
}

/**
 * The addresses of a request; without one of IPv6, also the one that the guest makes of its MAC: SLAAC gives it the
 * EUI-64 address of a /64, and of no other length.
 */
export function guestAddresses(request: NicRequest, subnet6: Prefix | undefined): readonly Address[] {
  const given = request.addresses;
  if (subnet6?.length !== 64 || request.mac === undefined || given.some(address => address.family === 6))
    return given;
  return [...given, eui64(subnet6, request.mac)];
}

function familyOf(
  request: NicRequest,
  section: NetworkSection | undefined,
  family: Family,
  { rtTables, routes }: Surroundings,
): NetworkFamily {
  const table = tableOf(request, section, family, rtTables);
  const configured = uplinkOf(section, family);
  const uplink =
    configured ??
    defaultDevice(routes, table, family) ??
    (family === 6 ? defaultDevice(routes, table, 4) : undefined);
  if (uplink === undefined) {
    throw new VmnetError(
      'request',
      `table ${table} has no IPv${family} default route, so there is no uplink`,
      {
        where: request.ifname,
        hint: `give uplink = in a [network] section, or add the route: ip -${family} route add default via GATEWAY dev UPLINK table ${table}`,
      },
    );
  }
  const subnet = subnetOf(request, section, family);
  const gateway = gatewayOf(request, section, family);
  const arpSource = family === 4 ? section?.arpSource : undefined;
  return {
    family,
    table,
    uplink,
    ...(subnet === undefined ? {} : { subnet }),
    ...(gateway === undefined ? {} : { gateway }),
    ...(arpSource === undefined ? {} : { arpSource }),
    skeleton: configured !== undefined,
  };
}

function defaultDevice(routes: readonly KernelObject[], table: number, family: Family): Ifname | undefined {
  for (const route of routes) {
    if (route.kind !== 'route' || route.table !== table || route.prefix.family !== family) continue;
    if (route.prefix.length === 0 && route.type === 'unicast' && route.dev !== undefined) return route.dev;
  }
  return undefined;
}

function checkAddresses(nic: RoutedNic): void {
  for (const entry of nic.network.families) {
    for (const address of nic.addresses.filter(one => one.family === entry.family)) {
      if (entry.subnet !== undefined && !contains(entry.subnet, address)) {
        throw new VmnetError(
          'request',
          `${address.text} is outside ${entry.subnet.text}, the subnet of ${nic.network.name}`,
          {
            where: nic.request.ifname,
            hint: 'give an address of the subnet, or another --network',
          },
        );
      }
      if (entry.gateway?.text === address.text) {
        throw new VmnetError('request', `${address.text} is the gateway of ${nic.network.name}`, {
          where: nic.request.ifname,
          hint: 'no VM may have it',
        });
      }
    }
  }
}
