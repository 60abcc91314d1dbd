// Every class of frame as raw bytes from the VM's side, of a bridged and of a routed NIC: what may pass arrives as it
// was sent, and what may not arrives nowhere. With an empty chain all of it arrives: the drops are the chain's.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { inside, ip, ipBatch, missingForNamespaces, type Place } from '../support/command.ts';
import { buildDatacentre, type Datacentre } from '../support/datacentre.ts';
import { describeOnce } from '../support/domain.ts';
import { bridgedNic, routedNic, startVm, type Vm } from '../support/vm.ts';
import { EVERYBODY } from './frame-bytes.ts';
import { misjudged, volleys } from './frame-classes.ts';
import { rarp } from './frame-classes-ethernet.ts';
import type { Party, Scene } from './frame-scene.ts';
import { type Arrived, sendFrames, shoot, watch } from './frame-watch.ts';
import { arpRequest, udp } from './frames.ts';
import { answers, attach, GATEWAY_MAC, nft, OUTSIDE, succeeded } from './steps.ts';

const skip = missingForNamespaces() ?? false;
/** Destination port of the frame that is sent last, and that passes. */
const LAST = 4999;
let datacentre: Datacentre;

before(async () => {
  if (skip === false) datacentre = await buildDatacentre({ program: 'dist' });
});
after(() => datacentre?.close());

describeOnce('a bridged NIC', { skip }, () => {
  let vm: Vm;
  let peer: Vm;
  let scene: Omit<Scene, 'mark'>;

  before(async () => {
    const { node1, router } = datacentre;
    // A bridge keeps frames to 01:80:c2:00:00:0X to itself; not so here, but for three that it always keeps.
    await ip(node1, 'link', 'set', 'br0', 'type', 'bridge', 'group_fwd_mask', '0xfff8');
    // Where the module br_netfilter is loaded, a bridge cuts off what is behind the end of an IP packet.
    const calls = ['iptables', 'ip6tables', 'arptables'];
    await inside(node1, ['tee', ...calls.map(of => `/proc/sys/net/bridge/bridge-nf-call-${of}`)], {
      input: '0',
    });
    vm = await startVm(datacentre, 'bridged', node1, bridgedNic(10, 'tap0'));
    peer = await startVm(datacentre, 'peer', node1, bridgedNic(11, 'tap1'));
    for (const { nic, address, address6 } of [vm, peer]) {
      const args = [
        '--mode',
        'bridged',
        '--link',
        'br0',
        '--mac',
        nic.mac,
        '--ip',
        address,
        '--ip',
        address6,
      ];
      succeeded(await node1.vmnet(['attach', nic.tap, ...args]));
    }
    await answers(vm, peer.address, peer.address6, '198.51.100.1', '2001:db8:992::1');
    const gateway = await partyOf(router, 'eth1', '198.51.100.1', '2001:db8:992::1');
    const other = await guest(peer);
    scene = { own: await guest(vm), other, gateway, to: other };
  });

  /** What arrived at the other VM, and what left through the uplink. */
  async function send(frames: readonly Buffer[]): Promise<readonly [Arrived, Arrived]> {
    const last = udp({ ...toAll(scene.own), from: scene.own.ip }, 9, LAST);
    return shoot(vm, frames, last, [
      await watch(peer, 'eth0', 'in'),
      await watch(datacentre.node1, 'up1', 'out'),
    ]);
  }

  test('what may pass reaches the other VM and, to a group, the uplink; the rest neither', async () => {
    const all = volleys(scene);
    const [atPeer, atUplink] = await send(all.flatMap(({ frames }) => frames));
    const wrong = misjudged(all, ({ verdict }, frame) => {
      if (verdict === 'drop') return !atPeer.has(frame) && !atUplink.has(frame);
      return atPeer.has(frame) && (atUplink.has(frame) || !isToGroup(frame));
    });
    assert.deepEqual(wrong, []);
  });

  test('the node itself is sent the same, and no more', async () => {
    const { own, other } = scene;
    const toMac = await macOf(datacentre.node1, 'br0');
    const here = { from: own.ip, to: '198.51.100.99', fromMac: own.mac, toMac };
    await counting(
      'bridge',
      [5001, 5002, 5003, 5004, 5005].map(port => `udp dport ${port}`),
    );
    await sendFrames(vm, 'eth0', [
      udp({ ...toAll(own), from: other.ip }, 9, 5001),
      udp({ ...here, from: other.ip }, 9, 5002),
      udp({ ...here, fromMac: other.mac }, 9, 5003),
      udp({ ...toAll(own), from: own.ip }, 9, 5004),
      udp(here, 9, 5005),
    ]);
    assert.deepEqual(await counted('bridge'), [0, 0, 0, 1, 1]);
  });

  test('a few RARPs a second pass, and no flood of them', async () => {
    // Those that came before count no longer then.
    await sleep(600);
    const frame = rarp(scene, scene.own.mac);
    const sniffer = await watch(peer, 'eth0', 'in');
    await sendFrames(vm, 'eth0', Array<Buffer>(100).fill(frame));
    const passed = (await sniffer.stop()).filter(seen => seen.equals(frame)).length;
    assert.ok(passed >= 3 && passed <= 20, `${passed} of 100 in about 0.1 s`);
  });

  test('with a chain that asks nothing everything arrives', async () => {
    await openTap(vm);
    const all = volleys(scene);
    const [atPeer, atUplink] = await send(all.flatMap(({ frames }) => frames));
    const wrong = misjudged(all, (_, frame) => atPeer.has(frame) || atUplink.has(frame));
    assert.deepEqual(wrong, []);
  });
});

describe('a routed NIC', { skip }, () => {
  let vm: Vm;
  let scene: Omit<Scene, 'mark'>;

  before(async () => {
    const { node1 } = datacentre;
    vm = await startVm(datacentre, 'routed', node1, routedNic(10, 'tap2'));
    const peer = await startVm(datacentre, 'other', node1, routedNic(11, 'tap3'));
    await attach(vm);
    await attach(peer);
    await answers(vm, peer.address, peer.address6, ...OUTSIDE);
    const gateway = await partyOf(node1, 'tap2', '192.0.2.1', '2001:db8:993::1');
    const to = { mac: GATEWAY_MAC, ip: OUTSIDE[0], ip6: OUTSIDE[1] };
    scene = { own: await guest(vm), other: await guest(peer), gateway, to };
    await copyAccepted();
  });

  /**
   * Whatever the NIC's chain (priority -500) lets pass is sent to seen0 as well. A socket would see frames before the
   * chain does, and what comes after it, ARP and the IP stack, does not show every frame.
   */
  async function copyAccepted(): Promise<void> {
    await ipBatch(datacentre.node1, ['link add seen0 up type veth peer name seen1', 'link set seen1 up']);
    await nft(
      datacentre.node1,
      'add table netdev seen',
      `add chain netdev seen accepted { type filter hook ingress device "${vm.nic.tap}" priority 100; }`,
      'add rule netdev seen accepted dup to "seen0"',
    );
  }

  /** What was accepted from the tap, and what the router was sent. */
  async function send(frames: readonly Buffer[]): Promise<readonly [Arrived, Arrived]> {
    const { own, to } = scene;
    const last = udp({ from: own.ip, to: to.ip, fromMac: own.mac, toMac: to.mac }, 9, LAST);
    return shoot(vm, frames, last, [
      await watch(datacentre.node1, 'seen0', 'out'),
      await watch(datacentre.router, 'eth0', 'in'),
    ]);
  }

  test('what may pass goes on, and what is for the outside as far as the router; the rest is gone', async () => {
    const all = volleys(scene);
    const [accepted, atRouter] = await send(all.flatMap(({ frames }) => frames));
    assert.deepEqual(
      misjudged(all, ({ verdict }, frame) => accepted.has(frame) === (verdict !== 'drop')),
      [],
    );
    const forwarded = all.filter(({ mark, frames }) => atRouter.count(mark) === frames.length);
    const names = (of: typeof all) => of.map(({ name }) => name);
    assert.deepEqual(names(forwarded), names(all.filter(({ verdict }) => verdict === 'cross')));
  });

  test('the node itself is sent the same, and no more', async () => {
    const { own, other } = scene;
    // A guest that resolves by itself asks for other addresses.
    const tpa = { own: '192.0.2.201', other: '192.0.2.202' };
    await counting(
      'arp',
      Object.values(tpa).map(to => `iifname "${vm.nic.tap}" arp daddr ip ${to}`),
    );
    await sendFrames(vm, 'eth0', [
      arpRequest({ from: other.ip, to: tpa.other, fromMac: own.mac }),
      arpRequest({ from: own.ip, to: tpa.own, fromMac: own.mac }),
    ]);
    assert.deepEqual(await counted('arp'), [1, 0]);
  });

  test('with a chain that asks nothing everything goes on', async () => {
    await openTap(vm);
    const all = volleys(scene);
    const [accepted] = await send(all.flatMap(({ frames }) => frames));
    assert.deepEqual(
      misjudged(all, (_, frame) => accepted.has(frame)),
      [],
    );
  });
});

/** The NIC's chain accepts everything, with the mark that the chains behind it ask for. */
async function openTap({ node, nic }: Vm): Promise<void> {
  const chain = ['netdev', 'vmnet', `from-${nic.tap}`];
  const { stdout } = await inside(node, ['nft', 'list', 'chain', ...chain]);
  const marks = stdout.match(/(meta protocol ip6 )?meta mark set \w+/g) ?? [];
  const name = chain.join(' ');
  await nft(node, `flush chain ${name}`, ...[...marks, 'accept'].map(rule => `add rule ${name} ${rule}`));
}

/** Counts what the node is given, for each match. */
async function counting(family: 'bridge' | 'arp', matches: readonly string[]): Promise<void> {
  await nft(
    datacentre.node1,
    `add table ${family} seen`,
    `add chain ${family} seen input { type filter hook input priority 100; }`,
    ...matches.map(match => `add rule ${family} seen input ${match} counter`),
  );
}

async function counted(family: 'bridge' | 'arp'): Promise<readonly number[]> {
  await sleep(50);
  const { stdout } = await inside(datacentre.node1, ['nft', '-j', 'list', 'table', family, 'seen']);
  return [...stdout.matchAll(/"counter": \{"packets": (\d+)/g)].map(([, packets]) => Number(packets));
}

function toAll({ mac }: Party) {
  return { to: '255.255.255.255', fromMac: mac, toMac: EVERYBODY };
}

function isToGroup(frame: Buffer): boolean {
  return ((frame[0] ?? 0) & 1) === 1;
}

function guest(vm: Vm): Promise<Party> {
  return partyOf(vm, 'eth0', vm.address, vm.address6);
}

async function partyOf(place: Place, ifname: string, address: string, address6: string): Promise<Party> {
  const [link] = JSON.parse(await ip(place, '-j', '-6', 'address', 'show', 'dev', ifname));
  const { local } = link.addr_info.find(({ scope }: { scope: string }) => scope === 'link');
  return { mac: await macOf(place, ifname), ip: address, ip6: address6, linkLocal: local };
}

async function macOf(place: Place, ifname: string): Promise<string> {
  const [link] = JSON.parse(await ip(place, '-j', 'link', 'show', 'dev', ifname));
  return link.address;
}
