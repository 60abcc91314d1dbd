// NICs on Open vSwitch, in its userspace where the kernel has no module: what is in its database, and who reaches whom.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { missingForNamespaces } from '../support/command.ts';
import { missingForSwitch } from '../support/openvswitch.ts';
import { OVS_SCENARIOS } from '../support/ovs-scenarios.ts';
import { testScenarios } from '../support/run-scenarios.ts';
import { answers, isSilent, succeeded } from './steps.ts';
import { GATEWAYS, hookEnv, onSwitch } from './switch-scene.ts';

const skip = missingForNamespaces() ?? missingForSwitch() ?? false;
testScenarios(OVS_SCENARIOS, { skip, args: ['ovs'] });

test('Ganeti: NICs of one VLAN reach each other and the router, and no other VLAN', { skip }, () =>
  onSwitch(async ({ node, one, two, ovs }) => {
    succeeded(await node.hook('network/openvswitch/up', hookEnv(one, ovs, '.10')));
    succeeded(await node.hook('kvm-vif-bridge', hookEnv(two, ovs, '.10')));
    await answers(one, ...GATEWAYS, two.address, two.address6);
    succeeded(await node.hook('kvm-ifup-custom', hookEnv(two, ovs, '.20')));
    await isSilent(two, ...GATEWAYS, one.address, one.address6);
    const { stdout } = await node.vmnet(['check', '--json'], { env: ovs.env });
    assert.deepEqual(JSON.parse(stdout).drift, []);
    for (const vm of [one, two])
      succeeded(await node.hook('network/openvswitch/down', hookEnv(vm, ovs, '.10')));
    assert.deepEqual((await ovs.vsctl('list-ports', 'ovs0')).split('\n'), ['up1']);
    await isSilent(one, ...GATEWAYS);
  }),
);

test('a tap that is made anew is a port again, and the old one is gone', { skip }, () =>
  onSwitch(async ({ datacentre, node, one, ovs, replug }) => {
    succeeded(await node.hook('network/openvswitch/up', hookEnv(one, ovs, '.10')));
    await answers(one, ...GATEWAYS);
    const again = await replug(one);
    succeeded(await node.hook('network/openvswitch/up', hookEnv(again, ovs, '.10')));
    await answers(again, ...GATEWAYS);
    await answers(datacentre.router, again.address);
  }),
);

test('without its daemon nothing waits for ever, and the error says so', { skip }, () =>
  onSwitch(async ({ node, one, ovs }) => {
    await ovs.close();
    const { exitCode, stderr } = await node.hook('network/openvswitch/up', hookEnv(one, ovs, '.10'));
    assert.equal(exitCode, 69);
    assert.match(stderr, /Open vSwitch/);
  }),
);
