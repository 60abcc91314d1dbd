// Private networks of two tenants on one bridge, told apart by the prefix of their MACs.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { capture } from '../support/capture.ts';
import { ip, ipBatch, missingForNamespaces, type Place } from '../support/command.ts';
import { buildDatacentre, type Datacentre } from '../support/datacentre.ts';
import { sendFrame, startVm, type Vm } from '../support/vm.ts';
import { arpRequest, solicitation, udp } from './frames.ts';
import { answers, isClean, isSilent, succeeded } from './steps.ts';

const skip = missingForNamespaces() ?? false;
const CONFIG = ['10', '20']
  .map(octet =>
    [`[network tenant${octet}]`, 'mode = bridged', 'link = prv0', `mac-prefix = aa:00:${octet}`].join('\n'),
  )
  .join('\n');
let datacentre: Datacentre;
/** Two VMs of one tenant, and one of the other with the addresses of the second: what a tenant has is its own affair. */
let one: Vm;
let two: Vm;
let foreign: Vm;

before(async () => {
  if (skip !== false) return;
  datacentre = await buildDatacentre({ program: 'dist', config: `${CONFIG}\n` });
  const { node1 } = datacentre;
  await ipBatch(node1, [
    'link add prv0 type bridge stp_state 0 forward_delay 0 mcast_snooping 0',
    'link set prv0 up',
    'address add 10.20.0.254/24 dev prv0',
    'address add fd20::fe/64 dev prv0 nodad',
  ]);
  one = await start('one', 'tap0', 'aa:00:10:00:00:01', 1);
  two = await start('two', 'tap1', 'aa:00:10:00:00:02', 2);
  foreign = await start('foreign', 'tap2', 'aa:00:20:00:00:02', 2);
});
after(() => datacentre?.close());

async function start(name: string, tap: string, mac: string, number: number): Promise<Vm> {
  const nic = { tap, mac, ip: `10.20.0.${number}/24`, ip6: `fd20::${number}/64` };
  const vm = await startVm(datacentre, name, datacentre.node1, nic);
  const network = `tenant${mac.slice(6, 8)}`;
  const ips = ['--ip', vm.address, '--ip', vm.address6];
  succeeded(await vm.node.vmnet(['attach', tap, '--network', network, '--mac', mac, ...ips]));
  return vm;
}

/** For each of these, whether it saw a frame of this kind of this sender's while `work` went on. */
async function seenBy(places: readonly Place[], mac: string, kind: string, work: () => Promise<void>) {
  const filter = `${kind} and ether src ${mac}`;
  const captures = await Promise.all(
    places.map(place => capture(place, 'node' in place ? 'eth0' : 'prv0', filter)),
  );
  await work();
  await sleep(100);
  return (await Promise.all(captures.map(each => each.stop()))).map(lines => lines.length > 0);
}

/** Guests also solicit, and say which groups they listen to, by themselves. */
const SOLICITATION = '(ip6 and ip6[6] = 58 and ip6[40] = 135)';

/** Each kind of frame that a VM may send to all of its network, and how to know it. */
const KINDS: readonly (readonly [what: string, kind: string, (from: Vm, to: Vm) => Uint8Array])[] = [
  ['ARP', 'arp', (from, to) => arpRequest({ from: from.address, to: to.address, fromMac: from.nic.mac })],
  [
    'broadcast',
    'udp port 4242',
    (from, to) => udp({ ...ends(from, to, 4), to: '10.20.0.255', toMac: 'ff:ff:ff:ff:ff:ff' }, 4242, 4242),
  ],
  ['neighbour solicitation', SOLICITATION, (from, to) => solicitation(ends(from, to, 6))],
  [
    'neighbour solicitation to all',
    SOLICITATION,
    (from, to) => solicitation(ends(from, to, 6), { everybody: true }),
  ],
  [
    'multicast',
    'udp port 4242',
    (from, to) => udp({ ...ends(from, to, 4), to: '224.0.0.251', toMac: '01:00:5e:00:00:fb' }, 4242, 4242),
  ],
];

function ends(from: Vm, to: Vm, family: 4 | 6) {
  const addresses =
    family === 4 ? { from: from.address, to: to.address } : { from: from.address6, to: to.address6 };
  return { ...addresses, fromMac: from.nic.mac, toMac: to.nic.mac };
}

test('VMs of one tenant reach each other, and each its own of two with one address', { skip }, async () => {
  await answers(one, two.address, two.address6);
  await answers(two, one.address, one.address6);
  for (const address of [two.address, two.address6]) {
    const [neighbour] = JSON.parse(await ip(one, '-j', 'neighbour', 'show', 'to', address));
    assert.equal(neighbour.lladdr, two.nic.mac);
  }
  await isSilent(foreign, one.address, one.address6);
  await isClean(datacentre.node1);
});

for (const [what, kind, frame] of KINDS) {
  test(`${what}: heard by the tenant's VM, and neither by the other tenant nor by the host`, {
    skip,
  }, async () => {
    const { node1 } = datacentre;
    const own = () => sendFrame(one, 'eth0', frame(one, two));
    assert.deepEqual(await seenBy([two, foreign, node1], one.nic.mac, kind, own), [true, false, false]);
    const others = () => sendFrame(foreign, 'eth0', frame(foreign, one));
    assert.deepEqual(await seenBy([one, two, node1], foreign.nic.mac, kind, others), [false, false, false]);
  });
}

test('unicast: to a MAC that the other tenant has, whoever knows it', { skip }, async () => {
  for (const [from, to, arrives] of [
    [one, two, true],
    [one, foreign, false],
    [foreign, one, false],
    [foreign, two, false],
  ] as const) {
    for (const family of [4, 6] as const) {
      const sends = () => sendFrame(from, 'eth0', udp(ends(from, to, family), 4242, 4242));
      assert.deepEqual(
        await seenBy([to], from.nic.mac, 'udp port 4242', sends),
        [arrives],
        `${from.name} to ${to.name}, IPv${family}`,
      );
    }
  }
});

test('the host: not reached by its address, nor by its MAC', { skip }, async () => {
  const { node1 } = datacentre;
  for (const vm of [one, foreign]) await isSilent(vm, '10.20.0.254', 'fd20::fe');
  const [{ address }] = JSON.parse(await ip(node1, '-j', 'link', 'show', 'dev', 'prv0'));
  for (const vm of [one, foreign]) {
    await ipBatch(vm, [
      `neighbour replace 10.20.0.254 lladdr ${address} dev eth0`,
      `neighbour replace fd20::fe lladdr ${address} dev eth0`,
    ]);
    const pings = () => isSilent(vm, '10.20.0.254', 'fd20::fe');
    assert.deepEqual(await seenBy([node1], vm.nic.mac, '(icmp or icmp6)', pings), [false]);
  }
});

test('the host: what it sends to all reaches no VM', { skip }, async () => {
  const { node1 } = datacentre;
  const [{ address: mac }] = JSON.parse(await ip(node1, '-j', 'link', 'show', 'dev', 'prv0'));
  const frames = [
    arpRequest({ from: '10.20.0.254', to: one.address, fromMac: mac }),
    solicitation({ from: 'fd20::fe', to: one.address6, fromMac: mac }),
    solicitation({ from: 'fd20::fe', to: one.address6, fromMac: mac }, { everybody: true }),
  ];
  const sends = async () => {
    for (const frame of frames) await sendFrame(node1, 'prv0', frame);
    await isSilent(node1, one.address, one.address6);
  };
  assert.deepEqual(await seenBy([one, two, foreign], mac, '(arp or icmp6)', sends), [false, false, false]);
});

test('a MAC outside the prefix is refused', { skip }, async () => {
  const { node1 } = datacentre;
  const args = ['attach', 'tap0', '--network', 'tenant20', '--mac', one.nic.mac, '--ip', '10.20.0.9'];
  const { exitCode, stderr } = await node1.vmnet(args);
  assert.equal(exitCode, 65);
  assert.match(stderr, /aa:00:20/);
  await answers(one, two.address);
});
