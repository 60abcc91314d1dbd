import { uplinksOf } from '../desired/nic.ts';
import { forceForwarding, IPV6_FORWARDING } from '../desired/sysctls.ts';
import { uplinkVlans } from '../desired/vlans.ts';
import { VmnetError } from '../errors.ts';
import type { Ifname } from '../model/ifname.ts';
import type { BridgedNic, Nic, RoutedNic } from '../model/network.ts';
import type { LinkFacts, Observed } from '../observed/query.ts';

/** Refuses a NIC whose tap, uplink or bridge is not there or cannot carry it. */
export function checkSurroundings(nic: Nic, links: Observed['links']): void {
  const tap = nic.request.ifname;
  if (!links.has(tap)) {
    throw new VmnetError('request', 'there is no such link', {
      where: tap,
      hint: 'the hypervisor makes the tap before it is attached',
    });
  }
  if (tap === 'lo') {
    throw new VmnetError('request', 'the loopback is no tap', { where: tap, hint: 'name the tap of the VM' });
  }
  checkCarriers(nic, links);
}

/** Refuses a NIC that has nothing to carry it, whether its tap is there or not. */
export function checkCarriers(nic: Nic, links: Observed['links']): void {
  const tap = nic.request.ifname;
  if (nic.mode === 'bridged') {
    checkBridge(nic.bridge, tap, links);
    checkVlanBridge(nic, links);
  }
  if (nic.mode === 'routed') {
    for (const uplink of uplinksOf(nic.network)) checkUplink(uplink, tap, links);
    if (nic.network.vrf === undefined) checkAlone(nic, links);
    else checkVrf(nic, nic.network.vrf, links);
  }
}

/**
 * IPv6 has no forwarding per device before Linux 6.17, and switching it on for all takes router advertisements from the
 * host: that is for an administrator to decide.
 */
export function checkForwarding(nic: Nic, sysctls: ReadonlyMap<string, string>): void {
  if (nic.mode !== 'routed' || !nic.addresses.some(address => address.family === 6)) return;
  if (sysctls.has(forceForwarding(nic.request.ifname)) || sysctls.get(IPV6_FORWARDING) === '1') return;
  throw new VmnetError('missing', 'this kernel forwards IPv6 for all devices or for none, and it is off', {
    where: IPV6_FORWARDING.replaceAll('/', '.'),
    hint: 'sysctl -w net.ipv6.conf.all.forwarding=1, after accept_ra=2 on devices that get their address by router advertisement',
  });
}

function checkUplink(uplink: Ifname, tap: Ifname, links: Observed['links']): void {
  const facts = existing(uplink, tap, links, 'uplink');
  if (uplink === tap)
    throw new VmnetError('request', 'the tap is its own uplink', {
      where: tap,
      hint: 'give the other side as uplink =',
    });
  if (!facts.up) {
    throw new VmnetError('request', `the uplink ${uplink} is administratively down`, {
      where: tap,
      hint: `ip link set ${uplink} up`,
    });
  }
}

/** A bridge or a bond takes what arrives at a port before anybody routes it, and a VRF has it looked up in its own table. */
function checkAlone({ request, network }: RoutedNic, links: Observed['links']): void {
  for (const uplink of uplinksOf(network)) {
    const master = links.get(uplink)?.master;
    if (master === undefined) continue;
    throw new VmnetError('request', `the uplink ${uplink} is a port of ${master}`, {
      where: request.ifname,
      hint: `give the bridge or bond as uplink =, or domain = vrf where ${master} is the network's VRF`,
    });
  }
}

/** It is the host's, with its last resort; without that, what the uplink brings would go on to main. */
function checkVrf({ request, network }: RoutedNic, vrf: Ifname, links: Observed['links']): void {
  const hint = 'vmnet host up makes what the configuration says';
  const where = request.ifname;
  if (existing(vrf, where, links, 'VRF').type !== 'vrf')
    throw new VmnetError('request', `${vrf} is no VRF`, { where, hint });
  const outside = uplinksOf(network).find(uplink => links.get(uplink)?.master !== vrf);
  if (outside === undefined) return;
  throw new VmnetError('request', `the uplink ${outside} is no port of the VRF ${vrf}`, { where, hint });
}

function checkBridge(bridge: Ifname, tap: Ifname, links: Observed['links']): void {
  if (existing(bridge, tap, links, 'bridge').type !== 'bridge') {
    throw new VmnetError('request', `${bridge} is no bridge`, {
      where: tap,
      hint: 'give --link with the name of a bridge',
    });
  }
}

/** A bridge that does not look at VLANs would pass every one to every port. */
function checkVlanBridge(
  { request, bridge, vlans, vlanUplinks }: BridgedNic,
  links: Observed['links'],
): void {
  if (vlans === undefined) return;
  const where = request.ifname;
  const aware = links.get(bridge)?.bridgeVlans;
  if (aware?.filtering !== true) {
    throw new VmnetError(
      'request',
      `the bridge ${bridge} is not VLAN-aware, and VLAN ${request.vlan} is asked for`,
      {
        where,
        hint: `ip link set ${bridge} type bridge vlan_filtering 1, once each of its ports is in its VLANs; or a bridge for each VLAN`,
      },
    );
  }
  if (aware.protocol !== '802.1Q') {
    throw new VmnetError(
      'request',
      `the VLANs of ${bridge} are ${aware.protocol}, and those of a NIC are 802.1Q`,
      {
        where,
        hint: 'give another bridge',
      },
    );
  }
  for (const uplink of vlanUplinks ?? []) {
    if (existing(uplink, where, links, 'uplink').master === bridge) continue;
    throw new VmnetError('config', `${uplink} is no port of ${bridge}`, {
      where,
      hint: 'correct vlan-uplinks, or put it into the bridge',
    });
  }
}

/** Of a bridge that Open vSwitch does not have, it would say so less clearly. */
export function checkSwitch(nic: Nic, { ovsBridges }: Observed): void {
  if (nic.mode !== 'openvswitch' || ovsBridges?.includes(nic.bridge) === true) return;
  throw new VmnetError('request', `Open vSwitch has no bridge ${nic.bridge}`, {
    where: nic.request.ifname,
    hint: `ovs-vsctl add-br ${nic.bridge}, or give another; instead of one that stands for a VLAN, its parent and the VLAN`,
  });
}

/** Where eth0.10 is, no frame of VLAN 10 gets from eth0 into a bridge: the kernel hands it to eth0.10 before. */
export function checkVlanLinks(nic: Nic, { vlanLinks }: Observed): void {
  if (nic.mode === 'routed') return;
  for (const { ifname, id } of uplinkVlans(nic)) {
    const taken = vlanLinks?.find(link => link.parent === ifname && link.id === id);
    if (taken === undefined) continue;
    throw new VmnetError(
      'config',
      `VLAN ${id} of ${ifname} is taken by ${taken.ifname}, so no bridge sees it`,
      {
        where: nic.request.ifname,
        hint: `remove ${taken.ifname}, which a VLAN interface on ${nic.bridge} can replace, or take ${ifname} out of vlan-uplinks`,
      },
    );
  }
}

function existing(ifname: Ifname, tap: Ifname, links: Observed['links'], role: string): LinkFacts {
  const facts = links.get(ifname);
  if (facts === undefined) {
    throw new VmnetError('request', `the ${role} ${ifname} does not exist`, {
      where: tap,
      hint: `make it, or name another ${role}`,
    });
  }
  return facts;
}

/** The sysctls that were read, by path. */
export function sysctlsOf({ objects }: Observed): ReadonlyMap<string, string> {
  return new Map(
    objects.flatMap(object => (object.kind === 'sysctl' ? [[object.path, object.value] as const] : [])),
  );
}
