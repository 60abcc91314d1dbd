import { VmnetError } from '../errors.ts';
import type { BridgedNic, Nic } from '../model/network.ts';
import type { OvsPort } from '../model/ovs-port.ts';
import type { Observed } from '../observed/query.ts';

/** The port of a NIC on a bridge of Open vSwitch, for the link that has the tap's name now. */
export function switchPort(nic: BridgedNic, links: Observed['links']): OvsPort {
  const { request, bridge, policy } = nic;
  const tap = request.ifname;
  return {
    kind: 'ovs-port',
    ifname: tap,
    bridge,
    ...vlanColumns(nic),
    isolated: policy.isolated,
    madeFor: links.get(tap)?.ifindex ?? 0,
  };
}

/**
 * A port of which nothing is said is a trunk of all VLANs. A NIC without any is in none, by VLAN 0, unless its guest may
 * send whatever it likes.
 */
function vlanColumns({ vlans, policy }: BridgedNic): Pick<OvsPort, 'vlanMode' | 'tag' | 'trunks'> {
  if (vlans === undefined) {
    return policy.filter === 'none'
      ? { vlanMode: 'trunk', trunks: [] }
      : { vlanMode: 'access', tag: 0, trunks: [] };
  }
  const { untagged: tag, tagged: trunks } = vlans;
  if (tag === undefined) return { vlanMode: 'trunk', trunks };
  return { vlanMode: trunks.length === 0 ? 'access' : 'native-untagged', tag, trunks };
}

/** What a bridge of the kernel does, or its hooks of nftables, and Open vSwitch does not: never silently left out. */
export function checkSwitchPolicy({ mode, request, policy }: Nic): void {
  if (mode !== 'openvswitch') return;
  const asked = [
    ...(policy.firewall === undefined ? [] : ['a firewall profile']),
    ...(policy.macPrefix === undefined ? [] : ['a private network by mac-prefix']),
    ...(policy.hairpin ? ['hairpin'] : []),
    ...(policy.flood ? [] : ['flood = no']),
    ...(policy.learning ? [] : ['learning = no']),
  ];
  if (asked.length === 0) return;
  throw new VmnetError('request', `a NIC on Open vSwitch has no ${asked.join(', no ')}`, {
    where: request.ifname,
    hint: 'take it out of its network and its tags, or use a bridged NIC',
  });
}
