// Fifty VMs start at once, and stop at once: the hooks run beside each other, and nothing is lost or left.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ip, ipBatch, missingForNamespaces } from '../support/command.ts';
import { buildDatacentre, type Datacentre, type Node } from '../support/datacentre.ts';
import { type State, stateOf } from '../support/state.ts';
import { ganetiEnv, isClean, recordsOf, succeeded } from './steps.ts';

const skip = missingForNamespaces() ?? false;
const COUNT = 50;
const TAPS = Array.from({ length: COUNT }, (_, i) => `tap${i}`);
let datacentre: Datacentre;
let node: Node;
let untouched: State;

before(async () => {
  if (skip !== false) return;
  datacentre = await buildDatacentre({ program: 'dist' });
  node = datacentre.node1;
  await ipBatch(
    node,
    TAPS.map(tap => `tuntap add dev ${tap} mode tap`),
  );
  untouched = await stateOf(node);
});
after(() => datacentre?.close());

function env(index: number): Readonly<Record<string, string>> {
  return ganetiEnv(
    `tap${index}`,
    `aa:00:00:35:6e:${index.toString(16).padStart(2, '0')}`,
    `192.0.2.${100 + index}`,
  );
}

test('fifty attaches at once', { skip, timeout: 60_000 }, async () => {
  const results = await Promise.all(TAPS.map((_, i) => node.hook('kvm-vif-bridge', env(i))));
  for (const result of results) succeeded(result);
  await isClean(node);
  assert.equal(recordsOf(node).length, COUNT);
  for (const family of ['-4', '-6']) {
    const routes = JSON.parse(await ip(node, '-j', family, 'route', 'show', 'table', '993'));
    const taps = routes.flatMap(({ dev = '' }) => (dev.startsWith('tap') ? [dev] : []));
    assert.deepEqual(taps.sort(), [...TAPS].sort(), family);
    const proxies = JSON.parse(await ip(node, '-j', family, 'neighbour', 'show', 'proxy', 'dev', 'up0'));
    assert.equal(proxies.length, COUNT, family);
  }
});

test('the same address four times at once: one gets it', { skip, timeout: 60_000 }, async () => {
  await ipBatch(
    node,
    ['a', 'b', 'c', 'd'].map(name => `tuntap add dev tap-${name} mode tap`),
  );
  const results = await Promise.all(
    ['a', 'b', 'c', 'd'].map(name =>
      node.hook('kvm-vif-bridge', ganetiEnv(`tap-${name}`, 'aa:00:00:35:6f:01', '192.0.2.99')),
    ),
  );
  assert.deepEqual(results.map(({ exitCode }) => exitCode).sort(), [0, 65, 65, 65]);
  await isClean(node);
  for (const name of ['a', 'b', 'c', 'd']) {
    succeeded(await node.vmnet(['detach', `tap-${name}`]));
    await ip(node, 'link', 'delete', `tap-${name}`);
  }
});

test('fifty detaches at once', { skip, timeout: 60_000 }, async () => {
  const results = await Promise.all(TAPS.map(INTERFACE => node.hook('network/routed/down', { INTERFACE })));
  for (const result of results) assert.equal(succeeded(result) + result.stderr, '');
  assert.deepEqual(recordsOf(node), []);
  assert.deepEqual(await stateOf(node), untouched);
});

test('attaches and detaches of other taps at once', { skip, timeout: 60_000 }, async () => {
  const even = TAPS.slice(0, 20).filter((_, i) => i % 2 === 0);
  for (const tap of even) succeeded(await node.hook('kvm-vif-bridge', env(Number(tap.slice(3)))));
  const results = await Promise.all(
    TAPS.slice(0, 20).map((tap, i) =>
      i % 2 === 0
        ? node.hook('network/routed/down', { INTERFACE: tap })
        : node.hook('kvm-vif-bridge', env(i)),
    ),
  );
  for (const result of results) assert.equal(succeeded(result) + result.stderr, '');
  await isClean(node);
  assert.equal(recordsOf(node).length, 10);
  await Promise.all(TAPS.slice(0, 20).map(INTERFACE => node.hook('network/routed/down', { INTERFACE })));
  assert.deepEqual(await stateOf(node), untouched);
});
