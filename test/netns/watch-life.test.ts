// The life of `vmnet watch`: at rest, in a fight, without its monitors, to its end.
import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { acquire } from '../../lib/host/lock.ts';
import { capture } from '../support/capture.ts';
import { inside, ip, ipBatch, missingForNamespaces, must, writeSysctl } from '../support/command.ts';
import { buildDatacentre, type Datacentre, publicNetwork } from '../support/datacentre.ts';
import { routedNic, startVm, type Vm } from '../support/vm.ts';
import { attach, attachArgs, isClean, nft, succeeded, works } from './steps.ts';
import { startWatch, type Watching } from './watching.ts';

const skip = missingForNamespaces() ?? false;

interface Scene {
  readonly datacentre: Datacentre;
  readonly vm: Vm;
  readonly watching: Watching;
}

/** One VM that works, and a watch that has looked. */
async function onWatch(work: (scene: Scene) => Promise<void>): Promise<void> {
  const datacentre = await buildDatacentre({ program: 'dist' });
  try {
    const vm = await startVm(datacentre, 'a', datacentre.node1, routedNic(10, 'tap0'));
    await attach(vm);
    const watching = await startWatch(datacentre.node1);
    await sleep(1000);
    await work({ datacentre, vm, watching });
  } finally {
    datacentre.close();
  }
}

/** Its children, looked at so often that no question to the kernel is missed. */
async function childrenFor(watching: Watching, ms: number): Promise<ReadonlySet<number>> {
  const seen = new Set<number>();
  for (const end = Date.now() + ms; Date.now() < end; await sleep(2))
    for (const pid of watching.children()) seen.add(pid);
  return seen;
}

const putRight = /put right/;

test('at rest, and beside what is none of its business, it starts nothing; TERM ends all of it', {
  skip,
}, async () => {
  await onWatch(async ({ datacentre: { node1 }, watching }) => {
    assert.equal((await childrenFor(watching, 1000)).size, 2);
    const [children] = await Promise.all([
      childrenFor(watching, 1500),
      (async () => {
        await ipBatch(node1, [
          'link add vethd0 type veth peer name vethd1',
          'link set vethd0 up',
          'address add 172.17.0.1/16 dev vethd0',
          'route add 10.7.0.0/16 via 10.9.9.254 dev mgmt',
          'neigh add 10.9.9.77 lladdr 02:00:00:00:00:77 dev mgmt',
          'link del vethd0',
        ]);
        await nft(
          node1,
          'add table inet f2b',
          'add set inet f2b s { type ipv4_addr; }',
          'delete table inet f2b',
        );
      })(),
    ]);
    assert.equal(children.size, 2);
    assert.deepEqual(
      watching.lines().filter(line => putRight.test(line)),
      [],
    );
    assert.equal(await watching.stop('SIGTERM'), 0);
    for (const pid of children) assert.equal(existsSync(`/proc/${pid}`), false, `monitor ${pid} is left`);
  });
});

test('who undoes it again and again is answered at growing intervals, and named; others do not wait', {
  skip,
}, async () => {
  await onWatch(async ({ datacentre: { node1 }, watching }) => {
    const fighting = inside(node1, ['sh', '-c', FIGHTER], { timeoutMs: 20_000 });
    await watching.until(/keeps undoing nft-table .*process \d+ \(nft\)/);
    await sleep(1500);
    const repairs = watching.lines().filter(line => putRight.test(line)).length;
    await ip(node1, 'rule', 'delete', 'preference', '900');
    const rules = () => must(['ip', '-n', node1.ns, 'rule']);
    // A repair that the fighter disturbs is tried again after a second.
    for (const end = Date.now() + 2500; !/^900:/m.test(await rules()) && Date.now() < end; ) await sleep(50);
    assert.match(await rules(), /^900:/m);
    await fighting;
    assert.ok(repairs <= 8, `${repairs} repairs:\n${watching.lines().join('\n')}`);
    assert.equal(watching.lines().filter(line => /keeps undoing/.test(line)).length, 1);
    await watching.until(putRight, repairs + 2);
    await sleep(500);
    assert.equal(await watching.stop(), 0);
  });
});

/** A program that wants its own ruleset back whenever it sees another, for about 5 s. */
const FIGHTER =
  'i=0; while [ $i -lt 50 ]; do i=$((i+1)); sleep 0.1; case $(nft list tables) in *vmnet*) nft flush ruleset;; esac; done';

test('its monitors may die: they are started again, and what was missed is found', { skip }, async () => {
  await onWatch(async ({ datacentre: { node1 }, watching }) => {
    const before = watching.children();
    for (const pid of before) process.kill(pid, 'SIGKILL');
    await nft(node1, 'flush ruleset');
    await watching.until(/put right .*nft-table/);
    await sleep(500);
    const now = watching.children();
    assert.equal(now.length, 2);
    assert.ok(now.every(pid => !before.includes(pid)));
    await ip(node1, 'link', 'set', 'up0', 'down');
    await ip(node1, 'link', 'set', 'up0', 'up');
    await watching.until(/put right .*route 993/);
    assert.equal(await watching.stop(), 0);
  });
});

test('NICs that come and go beside it are no loss, and HUP reads the configuration at once', {
  skip,
}, async () => {
  await onWatch(async ({ datacentre, watching }) => {
    const { node1 } = datacentre;
    const vm = await startVm(datacentre, 'b', node1, routedNic(11, 'tap1'));
    for (let round = 0; round < 3; round += 1) {
      succeeded(await node1.vmnet(attachArgs(vm)));
      succeeded(await node1.vmnet(['detach', 'tap1']));
    }
    succeeded(await node1.vmnet(attachArgs(vm)));
    await works(datacentre, vm);
    await sleep(2000);
    assert.deepEqual(
      watching.lines().filter(line => putRight.test(line)),
      [],
    );
    writeFileSync(node1.configFile, publicNetwork('up0', 'host-access = yes'));
    process.kill(watching.pid, 'SIGHUP');
    await watching.until(/put right after SIGHUP: .*rule . 901/);
    await isClean(node1);
    writeFileSync(node1.configFile, '[network public]\nmode = sideways\n');
    process.kill(watching.pid, 'SIGHUP');
    // Only now: a look of before goes on with what it has read, and would put the next loss right.
    await watching.until(/sideways/);
    await writeSysctl(node1, '0', 'net/ipv4/conf/up0/forwarding');
    await watching.until(/put right .*up0\/forwarding/);
    assert.equal(watching.lines().filter(line => line.includes(node1.configFile)).length, 1);
    assert.equal(await watching.stop(), 0);
  });
});

test('while somebody has the locks it waits, hears its end, and goes on after that', { skip }, async () => {
  await onWatch(async ({ datacentre: { node1 }, watching }) => {
    const held = acquire(join(node1.stateDir, 'lock'), 'host', 'shared', 1000);
    await nft(node1, 'flush ruleset');
    await sleep(1500);
    assert.deepEqual(
      watching.lines().filter(line => putRight.test(line)),
      [],
    );
    held.release();
    await watching.until(putRight);
    await isClean(node1);
    const again = acquire(join(node1.stateDir, 'lock'), 'host', 'shared', 1000);
    await nft(node1, 'flush ruleset');
    await sleep(500);
    assert.equal(await watching.stop(), 0);
    again.release();
  });
});

test('a link that carries again is told who is behind it', { skip }, async () => {
  await onWatch(async ({ datacentre: { segments }, vm, watching }) => {
    await sleep(3000);
    await ip(segments, 'link', 'set', 'n1up0', 'down');
    await sleep(300);
    const sniffer = await capture(segments, segments.routed, 'arp');
    await ip(segments, 'link', 'set', 'n1up0', 'up');
    await sniffer.until(new RegExp(`${vm.address} is-at|who-has ${vm.address} .*tell ${vm.address}`), 3000);
    await sniffer.stop();
    assert.equal(await watching.stop(), 0);
  });
});
