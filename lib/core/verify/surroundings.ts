import { uplinksOf } from '../desired/nic.ts';
import { forceForwarding, IPV6_FORWARDING } from '../desired/sysctls.ts';
import { VmnetError } from '../errors.ts';
import type { Ifname } from '../model/ifname.ts';
import type { Nic } from '../model/network.ts';
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
  if (nic.mode === 'bridged') checkBridge(nic.bridge, tap, links);
  else for (const uplink of uplinksOf(nic.network)) checkUplink(uplink, tap, links);
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

function checkBridge(bridge: Ifname, tap: Ifname, links: Observed['links']): void {
  if (existing(bridge, tap, links, 'bridge').type !== 'bridge') {
    throw new VmnetError('request', `${bridge} is no bridge`, {
      where: tap,
      hint: 'give --link with the name of a bridge',
    });
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
