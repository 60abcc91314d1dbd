// Two VMs on a node whose bridged segment is a port of Open vSwitch, with the router in VLAN 10 of it.
import { ipBatch } from '../support/command.ts';
import { buildDatacentre, type Datacentre, type Node } from '../support/datacentre.ts';
import { type Switch, startSwitch } from '../support/openvswitch.ts';
import { bridgedNic, moveVm, startVm, type Vm } from '../support/vm.ts';

export const GATEWAYS = ['198.51.100.1', '2001:db8:992::1'] as const;

export interface SwitchScene {
  readonly datacentre: Datacentre;
  readonly node: Node;
  readonly ovs: Switch;
  readonly one: Vm;
  readonly two: Vm;
  /** The tap goes, and another of its name comes. */
  replug(vm: Vm): Promise<Vm>;
}

/** The segment comes in untagged, and is VLAN 10 within the switch. */
export async function onSwitch(work: (scene: SwitchScene) => Promise<void>): Promise<void> {
  const datacentre = await buildDatacentre({ program: 'dist', config: '' });
  let ovs: Switch | undefined;
  try {
    const node = datacentre.node1;
    await ipBatch(node, ['link set up1 nomaster', 'link delete br0']);
    ovs = await startSwitch(['ovs0'], node);
    await ovs.vsctl('add-port', 'ovs0', 'up1', '--', 'set', 'Port', 'up1', 'tag=10');
    const one = await startVm(datacentre, 'one', node, bridgedNic(10, 'tap0'));
    const two = await startVm(datacentre, 'two', node, bridgedNic(11, 'tap1'));
    await work({ datacentre, node, ovs, one, two, replug: vm => moveVm(vm, node) });
  } finally {
    await ovs?.close();
    datacentre.close();
  }
}

export function hookEnv({ nic, address }: Vm, ovs: Switch, vlan: string): Readonly<Record<string, string>> {
  return {
    ...ovs.env,
    MODE: 'openvswitch',
    INTERFACE: nic.tap,
    INSTANCE: `${nic.tap}.example.test`,
    MAC: nic.mac,
    IP: address,
    LINK: 'ovs0',
    NETWORK_NAME: 'switched',
    NETWORK_SUBNET6: '2001:db8:992::/64',
    TAGS: '',
    VLAN: vlan,
  };
}
