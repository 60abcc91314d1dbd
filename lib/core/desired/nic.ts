import { hostPrefix, linkLocal } from '../model/address.ts';
import type { Settings } from '../model/config.ts';
import { VMNET_PROTOCOL } from '../model/identity.ts';
import type { Ifname } from '../model/ifname.ts';
import { bridgePortMac } from '../model/mac.ts';
import type { BridgedNic, Network, Nic, RoutedNic } from '../model/network.ts';
import type { KernelObject, LinkSetting, PortSetting, ProxyNeighbour, Route } from '../model/object.ts';
import type { Observed } from '../observed/query.ts';
import { filterOfNic } from './filter.ts';
import { groupOf } from './guest.ts';
import { switchPort } from './switch.ts';
import { bridgedTapSysctls, routedTapSysctls } from './sysctls.ts';
import { portVlans } from './vlans.ts';

/** What one NIC needs of its own. `observed` gives the MTU of the uplink or the bridge. */
export function nicObjects(
  nic: Nic,
  settings: Settings,
  observed: Observed['links'],
): readonly KernelObject[] {
  return [
    ...filterOfNic(nic, settings),
    ...(nic.mode === 'routed' ? routedObjects(nic, settings, observed) : portObjects(nic, observed)),
  ];
}

function routedObjects(
  nic: RoutedNic,
  settings: Settings,
  links: Observed['links'],
): readonly KernelObject[] {
  const tap = nic.request.ifname;
  const families = new Set(nic.addresses.map(address => address.family));
  const mtu = Math.min(
    ...uplinksOf(nic.network).map(uplink => links.get(uplink)?.mtu ?? Number.POSITIVE_INFINITY),
  );
  return [
    ...routedTapSysctls(tap, families, nic.policy),
    ...settingsOf(tap, {
      group: String(groupOf(nic)),
      mac: settings.tapMac,
      mtu: Number.isFinite(mtu) ? String(mtu) : undefined,
      master: nic.network.vrf ?? 'none',
      state: 'up',
    }),
    ...(families.has(6)
      ? [{ kind: 'address' as const, ifname: tap, address: linkLocal(settings.tapMac), length: 64 }]
      : []),
    ...(nic.request.phase === 'arriving' ? [] : waysTo(nic, settings)),
    ...gatewayProxies(nic, families),
  ];
}

/** What brings packets to the guest: from this node by its routes, from the segment by the uplink's answers. */
function waysTo(nic: RoutedNic, { routeProtocol }: Settings): readonly KernelObject[] {
  return nic.network.families.flatMap(entry =>
    nic.addresses
      .filter(address => address.family === entry.family)
      .flatMap((address): KernelObject[] => [
        hostRoute(nic.request.ifname, hostPrefix(address), entry.table, routeProtocol),
        proxy(entry.uplink, address),
      ]),
  );
}

/** IPv4 has proxy_arp for the whole tap; the kernel's neighbour discovery proxies single addresses only. */
function gatewayProxies(nic: RoutedNic, families: ReadonlySet<4 | 6>): ProxyNeighbour[] {
  return nic.network.families
    .filter(entry => entry.family === 6 && families.has(6))
    .flatMap(entry => (entry.gateway === undefined ? [] : [proxy(nic.request.ifname, entry.gateway)]));
}

function hostRoute(dev: Ifname, prefix: Route['prefix'], table: number, protocol: number): Route {
  return {
    kind: 'route',
    table,
    prefix,
    type: 'unicast',
    dev,
    metric: prefix.family === 4 ? 0 : 1024,
    protocol,
  };
}

function proxy(dev: Ifname, address: ProxyNeighbour['address']): ProxyNeighbour {
  return { kind: 'proxy-neighbour', address, dev, protocol: VMNET_PROTOCOL };
}

function portObjects(nic: BridgedNic, links: Observed['links']): readonly KernelObject[] {
  return nic.mode === 'bridged' ? bridgedObjects(nic, links) : switchObjects(nic, links);
}

/** In no bridge of the kernel: whose port it is, Open vSwitch says, and `ip` shows it its own way. */
function switchObjects(nic: BridgedNic, links: Observed['links']): readonly KernelObject[] {
  const { ifname: tap, mac } = nic.request;
  const mtu = links.get(nic.bridge)?.mtu;
  return [
    ...bridgedTapSysctls(tap),
    ...settingsOf(tap, {
      group: String(groupOf(nic)),
      mac: mac === undefined ? undefined : bridgePortMac(mac),
      mtu: mtu === undefined ? undefined : String(mtu),
      master: 'none',
      state: 'up',
    }),
    switchPort(nic, links),
  ];
}

function bridgedObjects(nic: BridgedNic, links: Observed['links']): readonly KernelObject[] {
  const tap = nic.request.ifname;
  const { mac, mtu } = links.get(nic.bridge) ?? {};
  const guest = nic.request.mac;
  return [
    ...bridgedTapSysctls(tap),
    ...settingsOf(nic.bridge, { 'own-mac': mac }),
    ...settingsOf(tap, {
      group: String(groupOf(nic)),
      mac: guest === undefined ? undefined : bridgePortMac(guest),
      mtu: mtu === undefined ? undefined : String(mtu),
      master: nic.bridge,
      state: 'up',
      ...portSettings(nic),
    }),
    ...(guest === undefined || nic.policy.learning
      ? []
      : [{ kind: 'fdb-entry' as const, ifname: tap, mac: guest }]),
    ...portVlans(nic),
  ];
}

/**
 * Where the bridge does not learn, the port takes frames from the one MAC that is written down, even when nftables is
 * flushed. With multicast snooping, a bridge sends neighbour solicitations only to who has joined their group, and a
 * guest that has just migrated has not said so here: as a port with a router behind it, it gets them all.
 */
function portSettings({ policy, request }: BridgedNic): Readonly<Record<PortSetting, string>> {
  const onOff = (value: boolean): string => (value ? 'on' : 'off');
  return {
    learning: onOff(policy.learning),
    flood: onOff(policy.flood),
    hairpin: onOff(policy.hairpin),
    isolated: onOff(policy.isolated),
    locked: onOff(!policy.learning && request.mac !== undefined),
    mcast_router: '2',
  };
}

function settingsOf(
  ifname: Ifname,
  values: Readonly<Partial<Record<LinkSetting['setting'], string | undefined>>>,
): LinkSetting[] {
  return Object.entries(values).flatMap(([setting, value]) =>
    value === undefined
      ? []
      : [{ kind: 'link-setting' as const, ifname, setting: setting as LinkSetting['setting'], value }],
  );
}

/** The uplinks of a network, each once. */
export function uplinksOf(network: Network): readonly Ifname[] {
  return [...new Set(network.families.map(entry => entry.uplink))];
}
