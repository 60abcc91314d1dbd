import { quoted, VmnetError } from '../errors.ts';
import type { Address, Family, Prefix } from '../model/address.ts';
import type { Config, NetworkSection } from '../model/config.ts';
import type { Ifname } from '../model/ifname.ts';
import type { NetworkFamily } from '../model/network.ts';
import type { KernelObject } from '../model/object.ts';
import type { NicRequest } from '../model/request.ts';
import { parseTable } from '../source/config.ts';
import { findNetwork } from '../source/find-network.ts';
import { pick } from '../source/pick.ts';

/** What a request is looked up in. */
export interface Surroundings {
  readonly config: Config;
  readonly rtTables: ReadonlyMap<string, number>;
  /** The default routes that `defaultRouteQueries` asked for. */
  readonly routes: readonly KernelObject[];
}

/** The section of a NIC's network, if it has one; a section for the other mode is an error. */
export function sectionOf(request: NicRequest, config: Config): NetworkSection | undefined {
  const { mode, link } = request;
  const section = findNetwork(config, { mode, ...pick({ name: request.network.name, link }) });
  if (section?.mode === undefined || section.mode === mode) return section;
  throw new VmnetError(
    'request',
    `network ${section.name} is ${section.mode}, and ${request.ifname} is ${mode}`,
    {
      where: section.where,
      hint: 'correct the mode of one of the two',
    },
  );
}

export function familyOf(
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

export function subnetOf(
  request: NicRequest,
  section: NetworkSection | undefined,
  family: Family,
): Prefix | undefined {
  return family === 4
    ? (request.network.subnet ?? section?.subnet)
    : (request.network.subnet6 ?? section?.subnet6);
}

export function gatewayOf(
  request: NicRequest,
  section: NetworkSection | undefined,
  family: Family,
): Address | undefined {
  return family === 4
    ? (request.network.gateway ?? section?.gateway)
    : (request.network.gateway6 ?? section?.gateway6);
}

export function uplinkOf(section: NetworkSection | undefined, family: Family): Ifname | undefined {
  return family === 4 ? section?.uplink : (section?.uplink6 ?? section?.uplink);
}

export function tableOf(
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
        hint: 'give --network with the name of a [network] section, or --link with a routing table; a cluster sets LINK',
      },
    );
  }
  return parseTable(text, rtTables, section?.where ?? `link of ${request.ifname}`);
}
