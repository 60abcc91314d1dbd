// A node without a configuration: the tables of the kernel say it all.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ipBatch, missingForNamespaces } from '../support/command.ts';
import { buildDatacentre, type Datacentre } from '../support/datacentre.ts';
import { stateOf } from '../support/state.ts';
import { routedNic, startVm } from '../support/vm.ts';
import { asGaneti } from './ganeti.ts';
import { ganetiEnv, isClean, succeeded, works } from './steps.ts';

const skip = missingForNamespaces() ?? false;
let datacentre: Datacentre;

before(async () => {
  if (skip === false) datacentre = await buildDatacentre({ program: 'dist', config: '' });
});
after(() => datacentre?.close());

test("no configuration at all: the table's default routes say the uplink, and stay the administrator's", {
  skip,
}, async () => {
  {
    const { node1 } = datacentre;
    await ipBatch(node1, [
      'route add 192.0.2.0/24 dev up0 table 500',
      'route add default via 192.0.2.1 dev up0 onlink table 500',
      'route add 2001:db8:993::/64 dev up0 table 500',
      'route add default via 2001:db8:993::1 dev up0 onlink table 500',
    ]);
    const vm = await startVm(datacentre, 'a', node1, routedNic(10, 'tap0'));
    const before = await stateOf(node1);
    const { NETWORK_NAME: _, ...nic } = ganetiEnv('tap0', vm.nic.mac, vm.address);
    const network = {
      NETWORK_SUBNET: '192.0.2.0/24',
      NETWORK_GATEWAY: '192.0.2.1',
      NETWORK_SUBNET6: '2001:db8:993::/64',
      NETWORK_GATEWAY6: '2001:db8:993::1',
    };
    succeeded(await asGaneti(node1, 'kvm-vif-bridge', { ...nic, LINK: '500', ...network }));
    await works(datacentre, vm);
    await isClean(node1);
    succeeded(await asGaneti(node1, 'network/routed/down', { INTERFACE: 'tap0' }));
    assert.deepEqual(await stateOf(node1), before);
  }
});

test('a link that never was a tap of ours is not touched by detach', { skip }, async () => {
  const { node1 } = datacentre;
  const before = await stateOf(node1);
  for (const link of ['mgmt', 'up0', 'up1', 'br0']) {
    succeeded(await node1.vmnet(['detach', link]));
    assert.deepEqual(await stateOf(node1), before, link);
  }
});
