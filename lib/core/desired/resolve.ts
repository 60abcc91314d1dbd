import { VmnetError } from '../errors.ts';
import { type Address, contains, defaultPrefix, eui64, FAMILIES, type Prefix } from '../model/address.ts';
import type { Config, NetworkSection } from '../model/config.ts';
import { type Ifname, parseIfname } from '../model/ifname.ts';
import type { BridgedNic, Network, Nic, RoutedNic } from '../model/network.ts';
import type { NicRequest } from '../model/request.ts';
import { vlansOf } from '../model/vlan.ts';
import type { RouteQuery } from '../observed/query.ts';
import { pick } from '../source/pick.ts';
import { routersOf } from './guest.ts';
import { policyOf } from './policy.ts';
import {
  familyOf,
  gatewayOf,
  type Surroundings,
  sectionOf,
  subnetOf,
  tableOf,
  uplinkOf,
} from './resolve-network.ts';
import { checkSwitchPolicy } from './switch.ts';

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

/** Completes a request: network, tables, uplinks, addresses and policy; what can be wrong with it is an error here. */
export function resolveNic(request: NicRequest, surroundings: Surroundings): Nic {
  if (request.vlan !== undefined && request.mode === 'routed') {
    throw new VmnetError('request', `a routed NIC has no VLAN, and this one has ${request.vlan}`, {
      where: request.ifname,
      hint: 'use a network for each VLAN, whose uplink is in it; without it the NIC would be in the wrong one',
    });
  }
  return request.mode === 'routed'
    ? routedNic(request, surroundings)
    : bridgedNic(request, request.mode, surroundings);
}

function bridgedNic(request: NicRequest, mode: BridgedNic['mode'], { config }: Surroundings): BridgedNic {
  const section = sectionOf(request, config);
  const nic: BridgedNic = {
    mode,
    request,
    bridge: bridgeOf(request, section),
    addresses: guestAddresses(request, subnetOf(request, section, 6)),
    gateways: FAMILIES.flatMap(family => gatewayOf(request, section, family) ?? []),
    policy: policyOf(request, section, config),
    ...pick({
      network: request.network.name ?? section?.name,
      vlans: request.vlan === undefined ? undefined : vlansOf(request.vlan),
      vlanUplinks: request.vlan === undefined ? undefined : section?.vlanUplinks,
    }),
  };
  checkSwitchPolicy(nic);
  checkRouters(nic, nic.gateways);
  return nic;
}

function bridgeOf(request: NicRequest, section: NetworkSection | undefined): Ifname {
  const link = request.link ?? section?.link;
  if (link === undefined) {
    throw new VmnetError('request', `a NIC that is ${request.mode} needs a bridge`, {
      where: request.ifname,
      hint: 'give --link BRIDGE; a cluster sets LINK',
    });
  }
  return parseIfname(link, `link of ${request.ifname}`);
}

/** That there is one, was checked with the file. */
function vrfOf(table: number, { vrfs }: Config): Ifname | undefined {
  return vrfs.find(vrf => vrf.table === table)?.name;
}

function routedNic(request: NicRequest, surroundings: Surroundings): RoutedNic {
  const section = sectionOf(request, surroundings.config);
  const addresses = guestAddresses(request, subnetOf(request, section, 6));
  const families = FAMILIES.filter(family => addresses.some(address => address.family === family)).map(
    family => familyOf(request, section, family, surroundings),
  );
  const [first] = families;
  if (first === undefined) {
    throw new VmnetError('request', 'a routed NIC needs an address', {
      where: request.ifname,
      hint: 'give --ip, or --mac and a network with a subnet6 of /64; a cluster sets IP, and NETWORK_SUBNET6',
    });
  }
  const network: Network = {
    // A section may serve several networks of the cluster, by their common link.
    name: request.network.name ?? section?.name ?? request.link ?? String(first.table),
    group: section?.group ?? tableOf(request, section, 4, surroundings.rtTables),
    hostAccess: section?.hostAccess ?? false,
    ...pick({ vrf: section?.domain === 'vrf' ? vrfOf(first.table, surroundings.config) : undefined }),
    families,
  };
  const policy = policyOf(request, section, surroundings.config);
  const nic: RoutedNic = { mode: 'routed', request, addresses, network, policy };
  checkAddresses(nic);
  checkRouters(nic, routersOf(nic, surroundings.config.settings));
  return nic;
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
    }
  }
}

/**
 * Who the guest is, and whom it may pretend to be: its router is not among them. On a bridge a guest may well be the router
 * itself; then what it sends has others' addresses, and the full filter is not for it.
 */
function checkRouters(nic: Nic, routers: readonly Address[]): void {
  const { request, policy } = nic;
  if (nic.mode !== 'routed' && policy.filter !== 'full') return;
  const network = nic.mode === 'routed' ? nic.network.name : (nic.network ?? nic.bridge);
  for (const address of nic.addresses) {
    if (!routers.some(router => router.text === address.text)) continue;
    throw new VmnetError('request', `${address.text} is the gateway of ${network}`, {
      where: request.ifname,
      hint:
        nic.mode === 'routed'
          ? 'no VM may have it'
          : `give another address; if the VM is the router, it needs filter = mac, or the tag ${ROUTER_TAG}`,
    });
  }
  for (const prefix of policy.allowed) {
    const its = routers.find(address => contains(prefix, address));
    if (its === undefined) continue;
    const what = `the allowed ${prefix.text} has ${its.text} in it, the router of ${network}`;
    throw new VmnetError('request', what, { where: request.ifname, hint: 'allow less' });
  }
}

/** For one NIC. */
const ROUTER_TAG = 'vmnet:network:NIC:filter:mac';
