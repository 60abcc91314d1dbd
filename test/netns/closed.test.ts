// A tap that has lost its filter, or is another link of the same name, is closed; not even for a moment is it open.
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { inside, ip, missingForNamespaces } from '../support/command.ts';
import { buildDatacentre, type Datacentre, publicNetwork } from '../support/datacentre.ts';
import { describeOnce } from '../support/domain.ts';
import { bridgedNic, routedNic, startVm, stopVm, type Vm } from '../support/vm.ts';
import { sendFrames } from './frame-watch.ts';
import { udp } from './frames.ts';
import { answers, attachArgs, isSilent, nft, succeeded } from './steps.ts';

const skip = missingForNamespaces() ?? false;
let datacentre: Datacentre;
let vms = 0;

before(async () => {
  if (skip !== false) return;
  datacentre = await buildDatacentre({ program: 'dist', config: publicNetwork('up0') });
});
after(() => datacentre?.close());

interface Kind {
  readonly name: string;
  readonly nic: ReturnType<typeof routedNic>;
  /** The nft family in which the node sees a packet of the tap that nobody has dropped. */
  readonly family: 'inet' | 'bridge';
  /** Addresses of its network that are not its own. */
  readonly foreign: readonly [string, string];
  readonly args: (vm: Vm) => readonly string[];
  /** What a hypervisor does with a tap before anybody attaches it. */
  readonly ready: (vm: Vm) => Promise<unknown>;
}

const KINDS: readonly Kind[] = [
  {
    name: 'routed',
    nic: routedNic(30, 'tap3'),
    family: 'inet',
    foreign: ['192.0.2.99', '2001:db8:993::99'],
    args: vm => attachArgs(vm),
    ready: vm => ip(vm.node, 'link', 'set', 'tap3', 'up'),
  },
  {
    name: 'bridged',
    nic: bridgedNic(31, 'tap4'),
    family: 'bridge',
    foreign: ['198.51.100.99', '2001:db8:992::99'],
    args: vm => [
      ...['attach', 'tap4', '--mode', 'bridged', '--link', 'br0', '--mac', vm.nic.mac],
      ...['--ip', vm.address, '--ip', vm.address6],
    ],
    ready: vm => ip(vm.node, 'link', 'set', 'tap4', 'master', 'br0', 'up'),
  },
];

for (const kind of KINDS) {
  const describeKind = kind.name === 'routed' ? describe : describeOnce;
  describeKind(`a ${kind.name} NIC`, {}, () => {
    let vm: Vm;
    beforeEach(async () => {
      if (skip !== false) return;
      vms += 1;
      vm = await startVm(datacentre, `c${vms}`, datacentre.node1, kind.nic);
      succeeded(await datacentre.node1.vmnet(kind.args(vm)));
      await isOpen(kind, vm);
    });
    afterEach(async () => {
      if (skip !== false) return;
      succeeded(await datacentre.node1.vmnet(['detach', kind.nic.tap]));
      await stopVm(vm);
      succeeded(await datacentre.node1.vmnet(['gc']));
    });

    test('whose tap is made anew is closed until it is attached', { skip }, async () => {
      await stopVm(vm);
      vms += 1;
      vm = await startVm(datacentre, `c${vms}`, datacentre.node1, kind.nic);
      await kind.ready(vm);
      await isClosed(kind, vm);
      succeeded(await datacentre.node1.vmnet(kind.args(vm)));
      await isOpen(kind, vm);
    });

    test('whose tap is made anew, and whose chain has gone with the first, is closed too', {
      skip,
    }, async () => {
      await stopVm(vm);
      // Kernels before Linux 6.16 have done so by themselves.
      await inside(datacentre.node1, ['nft', `delete chain netdev vmnet from-${kind.nic.tap}`]);
      vms += 1;
      vm = await startVm(datacentre, `c${vms}`, datacentre.node1, kind.nic);
      await kind.ready(vm);
      await isClosed(kind, vm);
      succeeded(await datacentre.node1.vmnet(kind.args(vm)));
      await isOpen(kind, vm);
    });

    test('whose chain somebody deletes is closed until repair', { skip }, async () => {
      await nft(datacentre.node1, `delete chain netdev vmnet from-${kind.nic.tap}`);
      await isClosed(kind, vm);
      succeeded(await datacentre.node1.vmnet(['repair']));
      await isOpen(kind, vm);
    });

    test('whose chain somebody empties is closed until repair', { skip }, async () => {
      await nft(datacentre.node1, `flush chain netdev vmnet from-${kind.nic.tap}`);
      await isClosed(kind, vm);
      succeeded(await datacentre.node1.vmnet(['repair', kind.nic.tap]));
      await isOpen(kind, vm);
    });

    test('that leaves its link group is closed until repair', { skip }, async () => {
      await ip(datacentre.node1, 'link', 'set', kind.nic.tap, 'group', '0');
      await isClosed(kind, vm);
      succeeded(await datacentre.node1.vmnet(['repair']));
      await isOpen(kind, vm);
    });

    test('whose link flaps passes what it passed, and nothing else', { skip }, async () => {
      const { node1 } = datacentre;
      await ip(node1, 'link', 'set', kind.nic.tap, 'down');
      await ip(node1, 'link', 'set', kind.nic.tap, 'up');
      assert.deepEqual(await passed(kind, vm, kind.foreign), { udp4: 0, udp6: 0 });
      assert.deepEqual(await passed(kind, vm, ownOf(vm)), { udp4: 1, udp6: 1 });
      succeeded(await node1.vmnet(['repair']));
      await isOpen(kind, vm);
    });
  });
}

/** It reaches the router and is reached, in both families, by its own addresses and no others. */
async function isOpen(kind: Kind, vm: Vm): Promise<void> {
  await answers(datacentre.router, ...ownOf(vm));
  assert.deepEqual(await passed(kind, vm, ownOf(vm)), { udp4: 1, udp6: 1 });
  assert.deepEqual(await passed(kind, vm, kind.foreign), { udp4: 0, udp6: 0 });
}

/** Nothing that it sends passes the filter, its own or others' addresses, and nobody reaches it. */
async function isClosed(kind: Kind, vm: Vm): Promise<void> {
  for (const sources of [ownOf(vm), kind.foreign])
    assert.deepEqual(await passed(kind, vm, sources), { udp4: 0, udp6: 0 }, sources.join(' '));
  await isSilent(datacentre.router, ...ownOf(vm));
}

function ownOf({ address, address6 }: Vm): readonly [string, string] {
  assert.ok(address !== '' && address6 !== '');
  return [address, address6];
}

/**
 * Sends a datagram of each family, to the MAC that the tap has now, and says how many of them the node has seen after the
 * filter. Whether a route or a neighbour is missing, by which they would not arrive anyway, does not matter then.
 */
async function passed(
  { family, nic }: Kind,
  vm: Vm,
  [from4, from6]: readonly [string, string],
): Promise<Readonly<Record<'udp4' | 'udp6', number>>> {
  const { node: node1 } = vm;
  const macs = { fromMac: nic.mac, toMac: await macOf(vm) };
  await nft(
    node1,
    `add table ${family} seen`,
    `add chain ${family} seen prerouting { type filter hook prerouting priority -200; }`,
    `add rule ${family} seen prerouting iifname "${nic.tap}" meta protocol ip udp dport 4242 counter`,
    `add rule ${family} seen prerouting iifname "${nic.tap}" meta protocol ip6 udp dport 4242 counter`,
  );
  try {
    await sendFrames(vm, 'eth0', [
      udp({ from: from4, to: '203.0.113.1', ...macs }, 5000, 4242),
      udp({ from: from6, to: '2001:db8:ffff::1', ...macs }, 5000, 4242),
    ]);
    const listed = await inside(node1, ['nft', '-j', 'list', 'table', family, 'seen']);
    const { nftables }: Listing = JSON.parse(succeeded(listed));
    const [udp4, udp6] = nftables.flatMap(
      ({ rule }) => rule?.expr.flatMap(({ counter }) => counter?.packets ?? []) ?? [],
    );
    assert.ok(udp4 !== undefined && udp6 !== undefined);
    return { udp4, udp6 };
  } finally {
    await nft(node1, `delete table ${family} seen`);
  }
}

interface Listing {
  readonly nftables: readonly {
    readonly rule?: { readonly expr: readonly { readonly counter?: { readonly packets: number } }[] };
  }[];
}

async function macOf({ node, nic }: Vm): Promise<string> {
  const [link] = JSON.parse(await ip(node, '-j', 'link', 'show', nic.tap));
  return link.address;
}
