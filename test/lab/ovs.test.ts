// NICs on Open vSwitch's kernel datapath: the chain of a tap stands before it, and so do ports that a tap leaves behind.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { answers, isSilent, succeeded } from '../netns/steps.ts';
import { GATEWAYS, hookEnv, onSwitch, type SwitchScene } from '../netns/switch-scene.ts';
import { ipBatch, missingForNamespaces, must } from '../support/command.ts';
import { hasSwitchModule, missingForSwitch } from '../support/openvswitch.ts';

const skip =
  missingForNamespaces() ??
  missingForSwitch() ??
  (hasSwitchModule() ? false : 'this kernel has no module openvswitch');

const attach = async ({ node, ovs }: SwitchScene, vm: SwitchScene['one'], vlan: string): Promise<void> => {
  succeeded(await node.hook('network/openvswitch/up', hookEnv(vm, ovs, vlan)));
};

test('who reaches whom, by VLAN; and a guest has its own addresses alone', { skip }, () =>
  onSwitch(async scene => {
    const { node, one, two, ovs } = scene;
    assert.equal(ovs.datapath, 'system');
    await attach(scene, one, '.10');
    await attach(scene, two, '.10');
    await answers(one, ...GATEWAYS, two.address, two.address6);
    await ipBatch(one, [
      'address add 198.51.100.99/24 dev eth0',
      'address add 2001:db8:992::99/64 dev eth0 nodad',
    ]);
    for (const [from, to] of [
      ['198.51.100.99', GATEWAYS[0]],
      ['2001:db8:992::99', GATEWAYS[1]],
    ] as const) {
      const ping = ['ip', 'netns', 'exec', one.ns, 'ping', '-n', '-c', '2', '-W', '1', '-I', from, to];
      await assert.rejects(must(ping), `${from} reaches ${to}`);
    }
    const { stdout } = await node.vmnet(['show', one.nic.tap], { env: ovs.env });
    assert.match(stdout, /dropped [1-9]\d*: IPv4 from a foreign address/);
    assert.match(stdout, /dropped [1-9]\d*: IPv6 from a foreign address/);
    await ipBatch(one, ['address del 198.51.100.99/24 dev eth0', 'address del 2001:db8:992::99/64 dev eth0']);
    await attach(scene, two, '.20');
    await isSilent(two, ...GATEWAYS, one.address, one.address6);
    await answers(one, ...GATEWAYS);
    const checked = await node.vmnet(['check', '--json'], { env: ovs.env });
    assert.deepEqual(JSON.parse(checked.stdout).drift, []);
  }),
);

test('trunk: a guest reaches by its tags what they are of, and by no other', { skip }, () =>
  onSwitch(async scene => {
    const { one } = scene;
    const { nic } = one;
    await attach(scene, one, ':10:20');
    await isSilent(one, GATEWAYS[0]);
    await ipBatch(one, [
      'address flush dev eth0',
      ...[10, 30].flatMap(id => [
        `link add link eth0 name eth0.${id} type vlan id ${id}`,
        `link set eth0.${id} up`,
      ]),
      `address add ${nic.ip} dev eth0.10`,
    ]);
    await answers(one, GATEWAYS[0]);
    await ipBatch(one, ['address flush dev eth0.10', `address add ${nic.ip} dev eth0.30`]);
    await isSilent(one, GATEWAYS[0]);
  }),
);

test('a tap that is made anew is a port again', { skip }, () =>
  onSwitch(async scene => {
    await attach(scene, scene.one, '.10');
    const again = await scene.replug(scene.one);
    await attach(scene, again, '.10');
    await answers(again, ...GATEWAYS);
    succeeded(await scene.node.hook('network/openvswitch/down', hookEnv(again, scene.ovs, '.10')));
    await isSilent(again, ...GATEWAYS);
    assert.deepEqual((await scene.ovs.vsctl('list-ports', 'ovs0')).split('\n'), ['up1']);
  }),
);
