// The tests' own data centre: that its wires carry, and that it leaves nothing behind.
import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import { capture } from '../support/capture.ts';
import { ip, ipBatch, missingForNamespaces, writeSysctl } from '../support/command.ts';
import { buildDatacentre, type Datacentre, type Node, namespaces } from '../support/datacentre.ts';
import { ping, readProbe, startProbe } from '../support/probe.ts';
import { stateOf } from '../support/state.ts';
import {
  bridgedNic,
  makeTap,
  moveVm,
  routedNic,
  sendFrame,
  startVm,
  stopVm,
  type Vm,
} from '../support/vm.ts';

const UPLINK = 'bond0.993';
const skip = missingForNamespaces() ?? false;
let datacentre: Datacentre;

before(async () => {
  if (skip === false) datacentre = await buildDatacentre({ uplink: UPLINK });
});
after(() => datacentre?.close());

test('a routed VM that is wired by hand is reached from the router, and again after it moved', {
  skip,
}, async () => {
  const { router, node1, node2 } = datacentre;
  const vm = await startVm(datacentre, 'routed', node1, routedNic(10, 'tap0'));
  assert.deepEqual(
    await ping(router, vm.address, { count: 1, waitSeconds: 0.1 }),
    { sent: 1, received: 0 },
    'nobody wired it',
  );
  await wireByHand(vm);
  // In place of an announcement: the router asks once a second.
  await ip(router, 'neighbour', 'flush', 'dev', 'eth0');
  for (const address of [vm.address, vm.address6]) await answers(router, address);
  for (const address of ['203.0.113.1', '2001:db8:ffff::1']) await answers(vm, address);

  const probe = await startProbe(router, vm.address);
  const moved = await moveVm(vm, node2, 'tap7');
  await wireByHand(moved);
  await ip(router, 'neighbour', 'flush', 'dev', 'eth0');
  for (const address of [moved.address, moved.address6]) await answers(router, address);
  await sleep(50);
  const { sent, lost, longestGapMs, answers: heard } = await probe.stop();
  assert.ok(longestGapMs >= 10, `${longestGapMs} ms without an answer`);
  assert.ok(heard.size >= sent - lost - 1);

  await stopVm(moved);
  assert.deepEqual(await ping(router, vm.address, { count: 1, waitSeconds: 0.1 }), { sent: 1, received: 0 });
});

test('a bridged VM reaches the router through br0', { skip }, async () => {
  const vm = await startVm(datacentre, 'bridged', datacentre.node1, bridgedNic(20, 'tap1'));
  await ip(datacentre.node1, 'link', 'set', 'tap1', 'master', 'br0', 'up');
  for (const address of ['198.51.100.1', '2001:db8:992::1']) await answers(vm, address);
  for (const address of [vm.address, vm.address6]) await answers(datacentre.router, address);
});

test('a leak into the management network is seen there', { skip }, async () => {
  const { segments, node1 } = datacentre;
  const sniffer = await capture(segments, segments.management, 'icmp or icmp6');
  await ping(node1, '203.0.113.1', { count: 1, waitSeconds: 0.1 });
  await ping(node1, '2001:db8:ffff::1', { count: 1, waitSeconds: 0.1 });
  const lines = (await sniffer.stop()).join('\n');
  assert.match(lines, /10\.9\.9\.1 > 203\.0\.113\.1: ICMP echo request/);
  assert.match(lines, /2001:db8:999::1 > 2001:db8:ffff::1: ICMP6, echo request/);
});

test('a frame is sent byte for byte, on a link with a dot in its name', { skip }, async () => {
  const sniffer = await capture(datacentre.router, 'eth0', 'ether proto 0x88b5');
  await sendFrame(
    datacentre.node1,
    UPLINK,
    Buffer.from(`ffffffffffff02000000000188b5${'5a'.repeat(46)}`, 'hex'),
  );
  assert.match(await sniffer.until(/88b5/), /02:00:00:00:00:01 > ff:ff:ff:ff:ff:ff.*length 60/);
  await sniffer.stop();
  await assert.rejects(sendFrame(datacentre.node1, 'nolink0', Buffer.alloc(60)));
});

test('a state tells one difference, and none where nothing changed', { skip }, async () => {
  const node = datacentre.node2;
  const state = await stateOf(node);
  await makeTap(node, 'tap9');
  const changed = await stateOf(node);
  assert.deepEqual(changed.links.filter(line => !state.links.includes(line)).length, 1);
  assert.deepEqual({ ...changed, links: state.links }, state);
  await ip(node, 'link', 'delete', 'tap9');
  assert.deepEqual(await stateOf(node), state);
});

test('close() leaves nothing', { skip }, async () => {
  const links = readdirSync('/sys/class/net');
  const one = await buildDatacentre();
  await startVm(one, 'a', one.node1, routedNic(10, 'tap0'));
  await capture(one.node1, 'tap0').catch(() => undefined);
  one.close();
  one.close();
  assert.deepEqual(left(one.prefix), []);
  assert.equal(existsSync(one.node1.configFile), false);
  assert.deepEqual(readdirSync('/sys/class/net'), links);
});

test('an interrupt in the middle leaves nothing', { skip }, async () => {
  const module = join(import.meta.dirname, '../support/datacentre.ts');
  const program = `import(${JSON.stringify(module)}).then(async ({ buildDatacentre }) => {
    console.log((await buildDatacentre()).prefix);
    setInterval(() => undefined, 1000);
  });`;
  const child = execa(process.execPath, ['-e', program], { reject: false, stdin: 'ignore' });
  const prefix = await new Promise<string>(said =>
    child.stdout.once('data', chunk => said(String(chunk).trim())),
  );
  assert.equal(left(prefix).length, 4);
  child.kill('SIGINT');
  assert.equal((await child).exitCode, 130);
  assert.deepEqual(left(prefix), []);
});

test('gaps and losses are read from what ping prints', () => {
  const answer = (ms: number, seq: number) =>
    `[100.${String(ms).padStart(6, '0')}] 64 bytes from ::1: icmp_seq=${seq} ttl=64`;
  const text = [
    answer(0, 1),
    answer(5_000, 2),
    'From ::1 icmp_seq=3 Destination Unreachable',
    answer(45_000, 5),
  ];
  const read = (end: number, sent: number) =>
    readProbe([...text, `${sent} packets transmitted, 3 received`].join('\n'), end);
  assert.deepEqual(pick(read(100_050, 6)), { sent: 6, lost: 2, longestGapMs: 40 });
  assert.deepEqual(pick(read(100_500, 90)), { sent: 90, lost: 86, longestGapMs: 455 });
});

/** What it takes in the kernel, without nftables: policy rules by link, as few as possible. */
async function wireByHand(vm: Vm): Promise<void> {
  const { node, nic, address, address6 } = vm;
  const { tap } = nic;
  const on = [`ipv4/conf/${tap}/proxy_arp`, ...[tap, UPLINK].map(name => `ipv4/conf/${name}/forwarding`)];
  const proxies = [tap, UPLINK].map(name => `ipv6/conf/${name}/proxy_ndp`);
  const delays = [tap, UPLINK].flatMap(name => [
    `ipv4/neigh/${name}/proxy_delay`,
    `ipv6/neigh/${name}/proxy_delay`,
  ]);
  await writeSysctl(node, '1', ...[...on, ...proxies].map(path => `net/${path}`));
  // With duplicate address detection the tap is mute for a second.
  await writeSysctl(node, '0', `net/ipv6/conf/${tap}/accept_dad`, ...delays.map(path => `net/${path}`));
  await ipBatch(node, [
    `link set ${tap} up`,
    ...[`192.0.2.0/24`, `2001:db8:993::/64`].map(subnet => `route replace ${subnet} dev ${UPLINK} table 993`),
    ...['192.0.2.1', '2001:db8:993::1'].map(
      gateway => `route replace default via ${gateway} dev ${UPLINK} table 993`,
    ),
    ...[address, address6].map(host => `route add ${host} dev ${tap} table 993`),
    ...[address, address6].map(host => `neighbour add proxy ${host} dev ${UPLINK}`),
    `neighbour add proxy 2001:db8:993::1 dev ${tap}`,
  ]);
  for (const family of ['-4', '-6']) for (const name of [tap, UPLINK]) await rule(node, family, name);
}

async function rule(node: Node, family: string, ifname: string): Promise<void> {
  await ip(node, family, 'rule', 'add', 'iif', ifname, 'lookup', '993');
}

async function answers(from: Parameters<typeof ping>[0], address: string): Promise<void> {
  assert.deepEqual(await ping(from, address), { sent: 3, received: 3 }, address);
}

function left(prefix: string): readonly string[] {
  return namespaces().filter(name => name.startsWith(prefix));
}

function pick({ sent, lost, longestGapMs }: ReturnType<typeof readProbe>): object {
  return { sent, lost, longestGapMs };
}
