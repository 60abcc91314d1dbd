// Somebody flushes nftables: no packet of a VM, and nothing that quotes one, reaches the management network.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { capture } from '../support/capture.ts';
import { inside, ip, missingForNamespaces, writeSysctl } from '../support/command.ts';
import { buildDatacentre, type Datacentre, publicNetwork } from '../support/datacentre.ts';
import { ping } from '../support/probe.ts';
import { routedNic, startVm, type Vm } from '../support/vm.ts';
import { answers, attach, driftOf, isClean, isSilent, nft, OUTSIDE, succeeded, works } from './steps.ts';

const skip = missingForNamespaces() ?? false;

const CONFIGS: readonly (readonly [guard: string, config: string])[] = [
  ['subnet', publicNetwork('up0')],
  ['strict', `[vmnet]\nguard = strict\n${publicNetwork('up0')}`],
];

for (const [guard, config] of CONFIGS) {
  test(`guard = ${guard}: nft flush ruleset lets nothing into management, and repair heals`, {
    skip,
  }, async () => {
    const datacentre = await buildDatacentre({ program: 'dist', config });
    try {
      const { node1 } = datacentre;
      const vm = await startVm(datacentre, 'a', node1, routedNic(10, 'tap0'));
      await attach(vm);
      await works(datacentre, vm);
      await managementWorks(datacentre);
      await nft(node1, 'flush ruleset');
      assert.deepEqual(await leaked(datacentre, vm), []);
      await managementWorks(datacentre);
      assert.notEqual((await driftOf(node1)).length, 0);
      succeeded(await node1.vmnet(['repair']));
      await isClean(node1);
      await works(datacentre, vm);
      await managementWorks(datacentre);
    } finally {
      datacentre.close();
    }
  });
}

/** The frames on the management segment that carry or quote one of the VM's, which were sent everywhere. */
async function leaked({ segments }: Datacentre, vm: Vm): Promise<readonly string[]> {
  const sniffer = await capture(segments, segments.management, 'ip or ip6 or arp');
  await isSilent(vm, ...OUTSIDE);
  // On the management segment, and where main has no way to but its default.
  const others = [
    '10.9.9.254',
    '10.9.9.2',
    '198.18.0.1',
    '2001:db8:999::fe',
    '2001:db8:999::2',
    '2001:db8:abcd::1',
  ];
  for (const address of others) await ping(vm, address, { count: 1, waitSeconds: 0.1 });
  // These end at the node, which would have to say so to the VM.
  for (const address of OUTSIDE) await pingWith(vm, address, '-t', '1');
  const lines = await sniffer.stop();
  return lines.filter(line => [vm.address, vm.address6, ...OUTSIDE].some(address => line.includes(address)));
}

async function pingWith(vm: Vm, address: string, ...words: readonly string[]): Promise<void> {
  await inside(vm, ['ping', '-n', '-c', '1', '-W', '0.1', ...words, address]);
}

/** The node and its management network reach each other all the while. */
async function managementWorks({ node1, node2, segments }: Datacentre): Promise<void> {
  await answers(node1, '10.9.9.254', '2001:db8:999::fe', '10.9.9.2', '2001:db8:999::2');
  await answers(segments, '10.9.9.1', '2001:db8:999::1');
  await answers(node2, '10.9.9.1', '2001:db8:999::1');
}

test('the capture would see a leak: without guards the same packets arrive', { skip }, async () => {
  const datacentre = await buildDatacentre({ program: 'dist' });
  try {
    const { node1 } = datacentre;
    const vm = await startVm(datacentre, 'a', node1, routedNic(10, 'tap0'));
    await attach(vm);
    await nft(node1, 'flush ruleset');
    for (const family of ['-4', '-6']) await ip(node1, family, 'rule', 'delete', 'preference', '903');
    await writeSysctl(node1, '0', 'net/ipv4/conf/tap0/rp_filter');
    const seen = (await leaked(datacentre, vm)).join('\n');
    for (const address of [vm.address, vm.address6]) assert.match(seen, new RegExp(`${address} > `));
  } finally {
    datacentre.close();
  }
});
