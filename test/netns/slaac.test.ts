// Real routers that advertise prefixes: a guest configures itself with the filter on, and believes no guest.
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ip, ipBatch, type Place, writeSysctl } from '../support/command.ts';
import { buildDatacentre, type Datacentre, publicNetwork } from '../support/datacentre.ts';
import { testOnce } from '../support/domain.ts';
import { bridgedNic, routedNic, startVm, type Vm } from '../support/vm.ts';
import { missingFor, type Program, startRadvd } from './programs.ts';
import { answers, attach, succeeded } from './steps.ts';

const skip = missingFor('radvd');
const LAN = ['[network lan]', 'mode = bridged', 'link = br0', 'subnet6 = 2001:db8:992::/64'];
let datacentre: Datacentre;
let guest: Vm;
let rogue: Vm;
let routed: Vm;
let running: Program[] = [];

before(async () => {
  if (skip !== false) return;
  const config = `${publicNetwork('up0')}${LAN.join('\n')}\n`;
  datacentre = await buildDatacentre({ program: 'dist', config });
  const { node1 } = datacentre;
  const bare = (nic: { tap: string; mac: string }) => ({ tap: nic.tap, mac: nic.mac });
  guest = await startVm(datacentre, 'guest', node1, bare(bridgedNic(10, 'tap0')));
  rogue = await startVm(datacentre, 'rogue', node1, bare(bridgedNic(11, 'tap1')));
  routed = await startVm(datacentre, 'routed', node1, bare(routedNic(12, 'tap2')));
  for (const vm of [guest, routed]) await autoconfigure(vm);
  await writeSysctl(rogue, '1', 'net/ipv6/conf/all/forwarding');
  await attachBridged(guest);
  await attachBridged(rogue);
  await attach({ ...routed, address: '192.0.2.12' });
});
after(() => datacentre?.close());
afterEach(async () => {
  await Promise.all(running.map(program => program.stop()));
  running = [];
});

/** As a guest comes with it: it looks whether its addresses are free, and asks for a router at once. */
async function autoconfigure(vm: Vm): Promise<void> {
  const own = 'net/ipv6/conf/eth0';
  await writeSysctl(vm, '1', `${own}/accept_ra`, `${own}/accept_dad`);
  await writeSysctl(vm, '0', `${own}/router_solicitation_delay`);
}

async function attachBridged(vm: Vm, ...more: readonly string[]): Promise<void> {
  const args = ['attach', vm.nic.tap, '--network', 'lan', '--mac', vm.nic.mac];
  succeeded(await vm.node.vmnet([...args, ...more]));
}

async function advertises(...args: Parameters<typeof startRadvd>): Promise<void> {
  running.push(await startRadvd(...args));
}

/** The guest's link goes and comes: it knows nothing then, and begins anew. */
async function begins(vm: Vm): Promise<void> {
  await ipBatch(vm, ['link set eth0 down', 'link set eth0 up']);
}

interface Known {
  readonly addresses: readonly string[];
  /** Where its default route leads to. */
  readonly router: string | undefined;
}

async function knows(vm: Vm): Promise<Known> {
  const found = await addresses6(vm, 'eth0', 'global');
  const [route] = JSON.parse(await ip(vm, '-j', '-6', 'route', 'show', 'default'));
  return {
    addresses: found.filter(({ tentative }) => tentative !== true).map(({ local }) => local),
    router: route?.gateway,
  };
}

async function configured(vm: Vm): Promise<Known> {
  for (const end = Date.now() + 6000; Date.now() < end; await sleep(50)) {
    const known = await knows(vm);
    if (known.addresses.length > 0 && known.router !== undefined) return known;
  }
  throw new Error(`${vm.name} has nothing but ${JSON.stringify(await knows(vm))}`);
}

async function linkLocalOf(place: Place, link: string): Promise<string | undefined> {
  return (await addresses6(place, link, 'link'))[0]?.local;
}

interface Address6 {
  readonly local: string;
  readonly tentative?: boolean;
}

async function addresses6(
  place: Place,
  link: string,
  scope: 'global' | 'link',
): Promise<readonly Address6[]> {
  const links: readonly { addr_info?: readonly Partial<Address6>[] }[] = JSON.parse(
    await ip(place, '-j', '-6', 'address', 'show', 'dev', link, 'scope', scope),
  );
  // iproute2 6.1 leaves empty objects of those that it does not show.
  return links.flatMap(({ addr_info = [] }) =>
    addr_info.flatMap(({ local, ...more }) => (local === undefined ? [] : [{ ...more, local }])),
  );
}

testOnce(
  'a router on the segment: the guest makes its address, finds the router and reaches the outside',
  {
    skip,
  },
  async () => {
    const { router, node1 } = datacentre;
    await advertises(router, node1, 'eth1', '2001:db8:992::/64');
    await begins(guest);
    assert.deepEqual(await configured(guest), {
      addresses: ['2001:db8:992:0:a800:ff:fe35:6d0a'],
      router: await linkLocalOf(router, 'eth1'),
    });
    await answers(guest, '2001:db8:992::1', '2001:db8:ffff::1');
    await answers(router, '2001:db8:992:0:a800:ff:fe35:6d0a');
  },
);

test('a router on the node: so does a routed guest, and its router is the tap', { skip }, async () => {
  const { node1, router } = datacentre;
  await advertises(node1, node1, 'tap2', '2001:db8:993::/64');
  await begins(routed);
  assert.deepEqual(await configured(routed), {
    addresses: ['2001:db8:993:0:a800:ff:fe35:6d0c'],
    router: 'fe80::76:6dff:fe6e:6574',
  });
  await answers(routed, '2001:db8:993::1', '2001:db8:ffff::1');
  await answers(router, '2001:db8:993:0:a800:ff:fe35:6d0c');
});

testOnce('a router in a VM is heard by nobody, unless its filter is off', { skip }, async () => {
  await begins(guest);
  await ip(rogue, 'address', 'add', '2001:db8:666::1/64', 'dev', 'eth0');
  await advertises(rogue, rogue.node, 'eth0', '2001:db8:666::/64');
  await sleep(2000);
  assert.deepEqual(await knows(guest), { addresses: [], router: undefined });
  const shown = JSON.parse(succeeded(await rogue.node.vmnet(['show', 'tap1', '--json'])));
  const dropped: readonly { what: string; packets: number }[] = shown.dropped;
  assert.ok(
    dropped.some(({ what, packets }) => what === 'plays router' && packets > 0),
    'it has advertised',
  );
  await attachBridged(rogue, '--tag', 'vmnet:network:*:filter:none');
  await begins(guest);
  assert.deepEqual(await configured(guest), {
    addresses: ['2001:db8:666:0:a800:ff:fe35:6d0a'],
    router: await linkLocalOf(rogue, 'eth0'),
  });
});
