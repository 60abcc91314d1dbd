// Networks of other shapes: rules elsewhere, two networks, host-access, guard = strict, a node within.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { ip, ipBatch, missingForNamespaces } from '../support/command.ts';
import { buildDatacentre, type Datacentre, publicNetwork } from '../support/datacentre.ts';
import { stateOf } from '../support/state.ts';
import { routedNic, startVm } from '../support/vm.ts';
import {
  answers,
  attach,
  attachArgs,
  driftOf,
  isClean,
  isSilent,
  OUTSIDE,
  succeeded,
  works,
} from './steps.ts';

const skip = missingForNamespaces() ?? false;

async function within(
  config: string | undefined,
  work: (datacentre: Datacentre) => Promise<void>,
): Promise<void> {
  const datacentre = await buildDatacentre({ program: 'dist', ...(config === undefined ? {} : { config }) });
  try {
    await work(datacentre);
  } finally {
    datacentre.close();
  }
}

test('rules that are elsewhere by now are moved by a repair, and go with the NIC', { skip }, () =>
  within(publicNetwork('up0'), async datacentre => {
    const { node1 } = datacentre;
    const rules = async () => [await ip(node1, 'rule'), await ip(node1, '-6', 'rule')].map(preferences);
    const before = await rules();
    const vm = await startVm(datacentre, 'a', node1, routedNic(10, 'tap0'));
    await attach(vm);
    const first = await rules();
    writeFileSync(node1.configFile, `[vmnet]\nrule-preference = 700\n${publicNetwork('up0')}`);
    assert.deepEqual(
      [...new Set((await driftOf(node1)).map(({ drift, kind }) => `${drift} ${kind}`))].sort(),
      ['missing rule', 'unexpected rule'],
    );
    succeeded(await node1.vmnet(['repair']));
    await isClean(node1);
    await works(datacentre, vm);
    const moved = first.map(all =>
      all.map(one => (one >= 900 && one < 905 ? one - 200 : one)).sort((a, b) => a - b),
    );
    assert.deepEqual(await rules(), moved);
    succeeded(await node1.vmnet(['detach', 'tap0']));
    assert.deepEqual(await rules(), before);
  }),
);

/** `900:	from all fwmark 0x3e1 lookup 993`… */
function preferences(text: string): readonly number[] {
  return text
    .split('\n')
    .filter(Boolean)
    .map(line => Number.parseInt(line, 10));
}

const SECOND = [
  '[network second]',
  'table = 994',
  'uplink = mgmt',
  'subnet = 10.9.10.0/24',
  'gateway = 10.9.10.1',
  'subnet6 = 2001:db8:994::/64',
  'gateway6 = 2001:db8:994::1',
];

test('two networks on one node: each goes its own way, and goes with its last NIC', { skip }, () =>
  within(publicNetwork('up0', ...SECOND), async datacentre => {
    const { node1 } = datacentre;
    const a = await startVm(datacentre, 'a', node1, routedNic(10, 'tap0'));
    const b = await startVm(datacentre, 'b', node1, {
      ...routedNic(11, 'tap1'),
      ip: '10.9.10.11/24',
      gateway: '10.9.10.1',
      ip6: '2001:db8:994::11/128',
      gateway6: '2001:db8:994::1',
    });
    await attach(a);
    const before = await stateOf(node1);
    const ips = ['--ip', '10.9.10.11', '--ip', '2001:db8:994::11'];
    succeeded(await node1.vmnet(['attach', 'tap1', '--network', 'second', '--mac', b.nic.mac, ...ips]));
    await works(datacentre, a);
    await answers(node1, '10.9.9.254', '2001:db8:999::fe');
    await isClean(node1);
    // Its own gateway is not there, and it may not leave by the other network's.
    await isSilent(b, ...OUTSIDE);
    assert.match(await ip(node1, 'route', 'show', 'table', '994'), /default via 10\.9\.10\.1 dev mgmt/);
    succeeded(await node1.vmnet(['detach', 'tap1']));
    assert.deepEqual(await stateOf(node1), before);
    await works(datacentre, a);
  }),
);

for (const [value, reaches] of [
  ['yes', true],
  ['no', false],
] as const) {
  test(`host-access = ${value}: the node ${reaches ? 'reaches' : 'does not reach'} its VM`, { skip }, () =>
    within(publicNetwork('up0', `host-access = ${value}`), async datacentre => {
      const { node1 } = datacentre;
      const vm = await startVm(datacentre, 'a', node1, routedNic(10, 'tap0'));
      await attach(vm);
      await works(datacentre, vm);
      // An address that the VM may answer to: it knows the way to no other.
      await (reaches ? answers : isSilent)(node1, vm.address, vm.address6);
    }),
  );
}

test('guard = strict lets the node itself go on, and closes main for forwarded packets', { skip }, () =>
  within(`[vmnet]\nguard = strict\n${publicNetwork('up0')}`, async datacentre => {
    const { node1, node2, segments } = datacentre;
    const vm = await startVm(datacentre, 'a', node1, routedNic(10, 'tap0'));
    await attach(vm);
    await works(datacentre, vm);
    await answers(node1, '10.9.9.254', '2001:db8:999::fe');
    await answers(segments, '10.9.9.1', '2001:db8:999::1');
    await answers(node2, '10.9.9.1', '2001:db8:999::1');
    await isClean(node1);
  }),
);

test('a node with addresses of its own in the subnet of the VMs keeps its connectivity', { skip }, () =>
  within(publicNetwork('up0'), async datacentre => {
    const { node1, router } = datacentre;
    await ipBatch(node1, [
      'address add 192.0.2.200/24 dev up0',
      'address add 2001:db8:993::200/64 dev up0 nodad',
    ]);
    await answers(node1, '192.0.2.1', '2001:db8:993::1');
    const vm = await startVm(datacentre, 'a', node1, routedNic(10, 'tap0'));
    await attach(vm);
    await works(datacentre, vm);
    for (const from of [node1, router])
      await answers(
        from,
        ...(from === node1
          ? ['192.0.2.1', '2001:db8:993::1', '10.9.9.254']
          : ['192.0.2.200', '2001:db8:993::200']),
      );
    await isClean(node1);
    succeeded(await node1.vmnet(['detach', 'tap0']));
    await answers(node1, '192.0.2.1', '2001:db8:993::1');
  }),
);

test('the configuration changes under a living NIC: check says so, repair follows', { skip }, () =>
  within(publicNetwork('up0'), async datacentre => {
    const { node1 } = datacentre;
    const vm = await startVm(datacentre, 'a', node1, routedNic(10, 'tap0'));
    const before = await stateOf(node1);
    await attach(vm);
    writeFileSync(
      node1.configFile,
      publicNetwork('up0', 'host-access = yes').replaceAll('993\nuplink', '997\nuplink'),
    );
    assert.notEqual((await driftOf(node1)).length, 0);
    succeeded(await node1.vmnet(['repair']));
    await isClean(node1);
    await works(datacentre, vm);
    await answers(node1, vm.address, vm.address6);
    assert.doesNotMatch(JSON.stringify(await stateOf(node1)), /table=993/);
    assert.equal(JSON.parse(succeeded(await node1.vmnet([...attachArgs(vm), '--json']))).changes, 0);
    succeeded(await node1.vmnet(['detach', 'tap0']));
    assert.deepEqual(await stateOf(node1), before);
  }),
);
