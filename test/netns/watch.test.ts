// What the neighbours of vmnet do to a node, and that a watch makes it good while a VM goes on talking.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { capture } from '../support/capture.ts';
import { inside, ip, ipBatch, missingForNamespaces, must, writeSysctl } from '../support/command.ts';
import { buildDatacentre, type Datacentre } from '../support/datacentre.ts';
import { startProbe } from '../support/probe.ts';
import { type State, stateOf } from '../support/state.ts';
import { routedNic, startVm, type Vm } from '../support/vm.ts';
import { attach, isClean, nft, works } from './steps.ts';
import { startWatch, type Watching } from './watching.ts';

const skip = missingForNamespaces() ?? false;
/** It shall be a second; a machine that does other things as well gets half of one more. */
const LONGEST_GAP_MS = 1500;

let datacentre: Datacentre;
let vm: Vm;
let watching: Watching;

before(async () => {
  if (skip !== false) return;
  datacentre = await buildDatacentre({ program: 'dist' });
  vm = await startVm(datacentre, 'a', datacentre.node1, routedNic(10, 'tap0'));
  await attach(vm);
  await works(datacentre, vm);
  watching = await startWatch(datacentre.node1);
});
after(() => datacentre?.close());

type Event = readonly [what: string, happen: () => Promise<unknown>];

const RULES = ['900', '903'];
const EVENTS: readonly Event[] = [
  [
    'ifdown and ifup of the uplink',
    () => ipBatch(datacentre.node1, ['link set up0 down', 'link set up0 up']),
  ],
  [
    'ifdown, and ifup after a while',
    async () => {
      await ip(datacentre.node1, 'link', 'set', 'up0', 'down');
      await sleep(300);
      await ip(datacentre.node1, 'link', 'set', 'up0', 'up');
    },
  ],
  [
    'carrier loss',
    async () => {
      await ip(datacentre.segments, 'link', 'set', 'n1up0', 'down');
      await sleep(200);
      await ip(datacentre.segments, 'link', 'set', 'n1up0', 'up');
    },
  ],
  [
    'a reload that flushes the table and the proxy neighbours',
    () =>
      ipBatch(
        datacentre.node1,
        [
          'route flush table 993',
          '-6 route flush table 993',
          `neigh del proxy ${vm.address} dev up0`,
          `-6 neigh del proxy ${vm.address6} dev up0`,
        ].filter(line => !line.startsWith('-6')),
      ).then(() => must(['ip', '-n', datacentre.node1.ns, '-6', 'route', 'flush', 'table', '993'])),
  ],
  [
    'a network manager that deletes foreign rules',
    async () => {
      for (const family of ['-4', '-6'])
        for (const preference of RULES)
          await ip(datacentre.node1, family, 'rule', 'delete', 'preference', preference);
    },
  ],
  ['nft flush ruleset', () => nft(datacentre.node1, 'flush ruleset')],
  [
    'sysctl --system',
    () =>
      writeSysctl(
        datacentre.node1,
        '0',
        'net/ipv4/conf/up0/forwarding',
        'net/ipv4/conf/tap0/forwarding',
        'net/ipv4/conf/tap0/proxy_arp',
        'net/ipv6/conf/tap0/proxy_ndp',
        'net/ipv4/conf/up0/arp_ignore',
      ),
  ],
  ['a tap that is set down', () => ip(datacentre.node1, 'link', 'set', 'tap0', 'down')],
  [
    'an uplink that is made anew',
    async () => {
      const { node1, segments } = datacentre;
      const address = JSON.parse(await must(['ip', '-n', node1.ns, '-j', 'link', 'show', 'up0']))[0].address;
      // What its link-local address waits for is the kernel's own.
      await writeSysctl(node1, '0', 'net/ipv6/conf/default/accept_dad');
      await ip(node1, 'link', 'delete', 'up0');
      await ipBatch(segments, [
        `link add n1up0 type veth peer name up0 address ${address} netns ${node1.ns}`,
        `link set n1up0 master ${segments.routed} up`,
      ]);
      await ip(node1, 'link', 'set', 'up0', 'up');
    },
  ],
];

for (const [what, happen] of EVENTS) {
  test(`${what}: a VM hardly notices, and nobody is told lies`, { skip }, async () => {
    const { node1, router, segments } = datacentre;
    const was = await stateOf(node1);
    const replies = await capture(segments, segments.routed, 'arp[6:2] = 2');
    const probes = await Promise.all([vm.address, vm.address6].map(address => startProbe(router, address)));
    const asking = inside(router, ['ping', '-n', '-c', '3', '-i', '0.5', '-W', '0.5', '192.0.2.77']);
    await happen();
    await sleep(1500);
    const probed = await Promise.all(probes.map(probe => probe.stop()));
    await asking;
    for (const { longestGapMs, silentMs } of probed)
      assert.ok(
        longestGapMs < LONGEST_GAP_MS && silentMs < 500,
        `${longestGapMs} ms; ${watching.lines().join('\n')}`,
      );
    await isLike(was);
    await isClean(node1);
    const lies = (await replies.stop()).filter(line => /192\.0\.2\.77 is-at/.test(line));
    assert.deepEqual(lies, []);
  });
}

/** Links come up in their own time: a link-local address may be late. */
async function isLike(was: State): Promise<void> {
  for (const end = Date.now() + 3000; Date.now() < end; await sleep(100)) {
    if (JSON.stringify(await stateOf(datacentre.node1)) === JSON.stringify(was)) return;
  }
  assert.deepEqual(await stateOf(datacentre.node1), was, watching.lines().join('\n'));
}
