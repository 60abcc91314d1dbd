import { ipBatch } from '../support/command.ts';
import type { Datacentre } from '../support/datacentre.ts';

/**
 * The wires of node 1 are taken out: it has two ports instead, eno1 and eno2, on a trunk that carries the segments as it
 * is told by their tags.
 */
export async function buildTrunk({ node1: node, segments }: Datacentre): Promise<void> {
  await ipBatch(node, ['link del br0', 'link del up0', 'link del up1', 'link del mgmt']);
  await ipBatch(segments, [
    'link add name trunk type bridge stp_state 0 forward_delay 0 mcast_snooping 0',
    ...[1, 2].flatMap(n => [
      `link add t${n} type veth peer name eno${n} netns ${node.ns}`,
      `link set dev t${n} master trunk mtu 9000 up`,
    ]),
    'link set dev trunk up',
    'link add link trunk name trunk.992 type vlan id 992',
    'link add link trunk name trunk.993 type vlan id 993',
    `link set dev trunk.992 master ${segments.bridged} up`,
    `link set dev trunk.993 master ${segments.routed} up`,
    'link add untagged type veth peer name untagged.b',
    'link set dev untagged master trunk up',
    `link set dev untagged.b master ${segments.management} up`,
  ]);
}
