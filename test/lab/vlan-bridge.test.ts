// NICs in VLANs of a VLAN-aware bridge, on a kernel that has them: what they reach, and what they do not.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { answers, isClean, isSilent, succeeded } from '../netns/steps.ts';
import { ipBatch, missingForNamespaces } from '../support/command.ts';
import { buildDatacentre, type Datacentre, type Node } from '../support/datacentre.ts';
import { testScenarios } from '../support/run-scenarios.ts';
import { missingForVlanBridges } from '../support/vlan-bridge.ts';
import { VLAN_SCENARIOS } from '../support/vlan-scenarios.ts';
import { bridgedNic, startVm, type Vm } from '../support/vm.ts';

const skip = missingForNamespaces() ?? missingForVlanBridges() ?? false;
testScenarios(VLAN_SCENARIOS, { skip, args: ['vlans'], timeoutMs: 900_000 });

const GATEWAYS = ['198.51.100.1', '2001:db8:992::1'] as const;
const CONFIG = '[network lan]\nmode = bridged\nlink = br0\nvlan-uplinks = up1\n';

interface Scene {
  readonly datacentre: Datacentre;
  readonly node: Node;
  readonly one: Vm;
  readonly two: Vm;
}

/** The router is on the bridged segment by VLAN 10, with the segment's addresses, and by no other. */
async function inVlan10(work: (scene: Scene) => Promise<void>): Promise<void> {
  const datacentre = await buildDatacentre({ program: 'dist', config: CONFIG });
  try {
    const node = datacentre.node1;
    await ipBatch(datacentre.router, [
      'address flush dev eth1',
      'link add link eth1 name eth1.10 type vlan id 10',
      'link set eth1.10 up',
      'address add 198.51.100.1/24 dev eth1.10',
      'address add 2001:db8:992::1/64 dev eth1.10',
    ]);
    await ipBatch(node, ['link set br0 type bridge vlan_filtering 1']);
    const one = await startVm(datacentre, 'one', node, bridgedNic(10, 'tap0'));
    const two = await startVm(datacentre, 'two', node, bridgedNic(11, 'tap1'));
    await work({ datacentre, node, one, two });
  } finally {
    datacentre.close();
  }
}

function attachArgs({ nic, address, address6 }: Vm, ...more: readonly string[]): readonly string[] {
  const ips = ['--ip', address, '--ip', address6];
  return ['attach', nic.tap, '--network', 'lan', '--mac', nic.mac, ...ips, ...more];
}

async function attach(vm: Vm, ...more: readonly string[]): Promise<void> {
  succeeded(await vm.node.vmnet(attachArgs(vm, ...more)));
}

/** The guest's addresses move to its link in a VLAN. */
async function tagGuest({ ns, nic }: Vm, id: number): Promise<void> {
  await ipBatch({ ns }, [
    'address flush dev eth0',
    `route del default via ${nic.gateway6} dev eth0`,
    `route del ${nic.gateway6}/128 dev eth0`,
    `link add link eth0 name eth0.${id} type vlan id ${id}`,
    `link set eth0.${id} up`,
    `address add ${nic.ip} dev eth0.${id}`,
    `address add ${nic.ip6} dev eth0.${id} nodad`,
  ]);
}

test('access: a NIC reaches its own VLAN, and no other NIC that is in another', { skip }, () =>
  inVlan10(async ({ datacentre, node, one, two }) => {
    await attach(one, '--vlan', '.10');
    await attach(two, '--vlan', '.20');
    await answers(one, ...GATEWAYS);
    await answers(datacentre.router, one.address, one.address6);
    await isSilent(two, ...GATEWAYS, one.address, one.address6);
    await isClean(node);
    await attach(two, '--vlan', '.10');
    await answers(two, ...GATEWAYS, one.address, one.address6);
    await isClean(node);
  }),
);

test('trunk: a guest reaches by its tags what they are of, and by no other tag and by none', { skip }, () =>
  inVlan10(async ({ node, one, two }) => {
    await attach(one, '--vlan', ':10:20');
    await attach(two, '--vlan', '.10');
    await isSilent(one, ...GATEWAYS);
    await tagGuest(one, 10);
    await answers(one, ...GATEWAYS, two.address, two.address6);
    await isClean(node);
    await attach(one, '--vlan', ':20:30');
    await isSilent(one, ...GATEWAYS, two.address, two.address6);
  }),
);

test('trunk: within a VLAN, too, a guest has its own addresses alone', { skip }, () =>
  inVlan10(async ({ node, one }) => {
    await attach(one, '--vlan', '.20:10');
    await tagGuest(one, 10);
    await answers(one, ...GATEWAYS);
    await ipBatch(one, ['address flush dev eth0.10', 'address add 198.51.100.99/24 dev eth0.10']);
    await isSilent(one, GATEWAYS[0]);
    const { stdout } = await node.vmnet(['show', 'tap0']);
    assert.match(stdout, /dropped [1-9]\d*: (ARP|IPv4) from a foreign address/);
  }),
);

test('a VLAN interface on the uplink takes the VLAN: refused, and named', { skip }, () =>
  inVlan10(async ({ node, one }) => {
    await ipBatch(node, ['link add link up1 name up1.10 type vlan id 10']);
    const { exitCode, stderr } = await node.vmnet(attachArgs(one, '--vlan', '.10'));
    assert.equal(exitCode, 78);
    assert.match(stderr, /up1\.10/);
    await attach(one, '--vlan', '.20');
    await isClean(node);
  }),
);
