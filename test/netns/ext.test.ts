// Live migrations in the order of Ganeti 3.2: the source goes down before the target comes up, and a NIC of mode ext is
// prepared on the target before the transfer.
import assert from 'node:assert/strict';
import { appendFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { after, afterEach, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { capture } from '../support/capture.ts';
import { ip, missingForNamespaces } from '../support/command.ts';
import { buildDatacentre, type Datacentre, type Node } from '../support/datacentre.ts';
import { type State, stateOf } from '../support/state.ts';
import { arriveVm, bridgedNic, type GuestNic, routedNic, startVm, stopVm, type Vm } from '../support/vm.ts';
import { down, extEnv, leadsTo, listed, migrated, routedEnv, underPing, up } from './moves.ts';
import { answers, isClean, recordsOf, succeeded, works } from './steps.ts';

const skip = missingForNamespaces() ?? false;
type Env = Readonly<Record<string, string>>;

let datacentre: Datacentre;
let untouched: ReadonlyMap<string, State>;
let count = 0;

before(async () => {
  if (skip !== false) return;
  datacentre = await buildDatacentre({ program: 'dist' });
  for (const node of nodes())
    appendFileSync(node.configFile, '\n[network lan]\nmode = bridged\nlink = br0\n');
  untouched = new Map(
    await Promise.all(nodes().map(async node => [node.name, await stateOf(node)] as const)),
  );
});
after(() => datacentre?.close());
afterEach(async () => {
  if (skip !== false) return;
  for (const node of nodes()) {
    assert.deepEqual(recordsOf(node), []);
    assert.deepEqual(await stateOf(node), untouched.get(node.name), node.name);
  }
});

function nodes(): readonly Node[] {
  return [datacentre.node1, datacentre.node2];
}

/** A VM on the first node; when `work` is done, its link is deleted wherever it is. */
async function withVm(nic: GuestNic, work: (vm: Vm) => Promise<void>): Promise<void> {
  count += 1;
  const vm = await startVm(datacentre, `x${count}`, datacentre.node1, nic);
  try {
    await work(vm);
  } finally {
    await stopVm(vm);
  }
}

test('a NIC of mode ext migrates: prepared first, then down, then up', { skip }, async t => {
  const { node1, node2 } = datacentre;
  await withVm(routedNic(10, 'tap0'), async vm => {
    await up(node1, extEnv(vm, 'tap0'));
    await works(datacentre, vm);
    const switchOver = await arriveVm(vm, node2, 'tap3');
    const nodeMac = JSON.parse(await ip(node2, '-j', 'link', 'show', 'dev', 'up0'))[0].address;
    const heard = await capture(datacentre.router, 'eth0', `ether src ${nodeMac} and (arp or icmp6)`);
    await up(node2, extEnv(vm, 'tap3'), 'pre');
    await up(node2, extEnv(vm, 'tap3'), 'pre');
    await sleep(1200);
    const said = (await heard.stop()).filter(line =>
      [vm.address, vm.address6].some(one => line.includes(one)),
    );
    assert.deepEqual(said, [], 'the target speaks for a guest that is elsewhere');
    assert.equal(await listed(node2, 'tap3'), 'arriving');
    assert.equal(await leadsTo(node2, vm), false);
    await isClean(node2);
    succeeded(await node2.vmnet(['repair']));
    assert.equal(await leadsTo(node2, vm), false);
    await works(datacentre, vm);
    await underPing(t, datacentre.router, vm, async () => {
      await down(node1, extEnv(vm, 'tap0'));
      await switchOver();
      await up(node2, extEnv(vm, 'tap3'), 'post');
    });
    assert.equal(await listed(node2, 'tap3'), 'applied');
    assert.equal(await leadsTo(node2, vm), true);
    await works(datacentre, vm);
    for (const node of nodes()) await isClean(node);
    await down(node2, extEnv(vm, 'tap3'));
    await down(node2, extEnv(vm, 'tap3'));
  });
});

test('a routed NIC migrates: down, then up', { skip }, async t => {
  const { node1, node2 } = datacentre;
  await withVm(routedNic(11, 'tap0'), async vm => {
    await up(node1, routedEnv(vm, 'tap0'));
    const switchOver = await arriveVm(vm, node2, 'tap3');
    await underPing(t, datacentre.router, vm, async () => {
      await down(node1, routedEnv(vm, 'tap0'));
      await switchOver();
      await up(node2, routedEnv(vm, 'tap3'), 'post');
    });
    await works(datacentre, vm);
    for (const node of nodes()) await isClean(node);
    await down(node2, routedEnv(vm, 'tap3'));
  });
});

test('a bridged NIC of mode ext is ready before the transfer', { skip }, async t => {
  const { node1, node2 } = datacentre;
  await withVm(bridgedNic(12, 'tap0'), async vm => {
    const env = (tap: string): Env => ({ ...extEnv(vm, tap, 'lan'), NETWORK_SUBNET6: '2001:db8:992::/64' });
    await up(node1, env('tap0'));
    const switchOver = await arriveVm(vm, node2, 'tap3');
    await up(node2, env('tap3'), 'pre');
    assert.equal(await listed(node2, 'tap3'), 'applied');
    await isClean(node2);
    await underPing(t, datacentre.router, vm, async () => {
      await down(node1, env('tap0'));
      await switchOver();
      // The hypervisor has the guest say where it is.
      await answers(vm, '198.51.100.1', '2001:db8:992::1');
      await up(node2, env('tap3'), 'post');
    });
    await answers(datacentre.router, vm.address, vm.address6);
    for (const node of nodes()) await isClean(node);
    await down(node2, env('tap3'));
  });
});

for (const [how, calls] of [
  ['the target is told', true],
  ['nobody says so', false],
] as const) {
  test(`the migration fails before the transfer ends, and ${how}`, { skip }, async t => {
    const { node1, node2 } = datacentre;
    await withVm(routedNic(13, 'tap0'), async vm => {
      await up(node1, extEnv(vm, 'tap0'));
      await arriveVm(vm, node2, 'tap3');
      await underPing(t, datacentre.router, vm, async () => {
        await up(node2, extEnv(vm, 'tap3'), 'pre');
        if (calls) await down(node2, extEnv(vm, 'tap3'));
        await ip(node2, 'link', 'delete', 'tap3');
        if (!calls) succeeded(await node2.hook('ganeti/watcher', {}));
      });
      for (const node of nodes()) await isClean(node);
      assert.deepEqual(recordsOf(node2), []);
      await works(datacentre, vm);
      await down(node1, extEnv(vm, 'tap0'));
    });
  });
}

for (const mode of ['ext', 'routed'] as const) {
  test(`a migration of a NIC of mode ${mode} is reversed at once`, { skip }, async t => {
    const { node1, node2 } = datacentre;
    await withVm(routedNic(14, 'tap0'), async vm => {
      const env = (tap: string) => (mode === 'ext' ? extEnv(vm, tap) : routedEnv(vm, tap));
      await up(node1, env('tap0'));
      await underPing(t, datacentre.router, vm, async () => {
        const there = await arriveVm(vm, node2, 'tap3');
        if (mode === 'ext') await up(node2, env('tap3'), 'pre');
        await down(node1, env('tap0'));
        const moved = await there();
        await up(node2, env('tap3'), 'post');
        const back = await arriveVm(moved, node1, 'tap0');
        if (mode === 'ext') await up(node1, env('tap0'), 'pre');
        await down(node2, env('tap3'));
        await back();
        await up(node1, env('tap0'), 'post');
      });
      for (const node of nodes()) await isClean(node);
      assert.deepEqual(recordsOf(node2), []);
      await works(datacentre, vm);
      await down(node1, env('tap0'));
    });
  });
}

test('two calls at once: the same twice is once, and of two that contradict each other one wins', {
  skip,
}, async () => {
  const { node1 } = datacentre;
  await withVm(routedNic(15, 'tap0'), async vm => {
    const env = extEnv(vm, 'tap0');
    await Promise.all([up(node1, env, 'pre'), up(node1, env, 'pre')]);
    assert.equal(await leadsTo(node1, vm), false);
    await Promise.all([up(node1, env, 'post'), up(node1, env, 'post')]);
    await isClean(node1);
    await works(datacentre, vm);
    for (const [one, other] of [
      [() => up(node1, env, 'post'), () => down(node1, env)],
      [() => up(node1, env, 'pre'), () => down(node1, env)],
      [() => up(node1, env, 'pre'), () => up(node1, env, 'post')],
      [() => down(node1, env), () => down(node1, env)],
    ] as const) {
      await Promise.all([one(), other()]);
      await isClean(node1);
      assert.equal(await leadsTo(node1, vm), (await listed(node1, 'tap0')) === 'applied');
    }
  });
});

test('a NIC that was left arriving is brought up after the migration, and only then and there', {
  skip,
}, async () => {
  const { node2 } = datacentre;
  await withVm(routedNic(17, 'tap0'), async vm => {
    const switchOver = await arriveVm(vm, node2, 'tap3');
    await up(node2, extEnv(vm, 'tap3'), 'pre');
    succeeded(await migrated(node2, vm, 'source.example.test'));
    const other = {
      GANETI_INSTANCE_NAME: 'other.example.test',
      GANETI_POST_INSTANCE_NAME: 'other.example.test',
    };
    succeeded(await migrated(node2, vm, hostname(), other));
    assert.equal(await listed(node2, 'tap3'), 'arriving');
    await switchOver();
    succeeded(await migrated(node2, vm, hostname()));
    assert.equal(await listed(node2, 'tap3'), 'applied');
    await works(datacentre, vm);
    await isClean(node2);
    await down(node2, extEnv(vm, 'tap3'));
  });
});

const REFUSED: readonly (readonly [string, Env, RegExp])[] = [
  ['a network that nothing is said of', { NETWORK_NAME: 'other', LINK: 'br9' }, /other.*\[network NAME\]/],
  ['a phase that Ganeti does not have', { MIGRATION_PHASE: 'during' }, /MIGRATION_PHASE.*during/],
  ['a VLAN beyond the range', { VLAN: '.4095' }, /VLAN.*4095.*4094/],
  ['a VLAN beyond the grammar', { VLAN: '10:20' }, /VLAN.*10:20/],
];
for (const [what, more, words] of REFUSED) {
  test(`refused with words: ${what}`, { skip }, async () => {
    const { node1 } = datacentre;
    await withVm(routedNic(16, 'tap0'), async vm => {
      const { exitCode, stderr } = await node1.hook('network/ext/up', { ...extEnv(vm, 'tap0'), ...more });
      assert.equal(exitCode, 65, stderr);
      assert.match(stderr, words);
      assert.equal(stderr.trim().split('\n').length, 1);
    });
  });
}
