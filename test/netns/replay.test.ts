// What Ganeti gave its hooks, recorded on real clusters, event by event, to the real hooks on nodes that have its links.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { ip, ipBatch, missingForNamespaces } from '../support/command.ts';
import { buildDatacentre, type Datacentre } from '../support/datacentre.ts';
import { type State, stateOf } from '../support/state.ts';
import { makeTap } from '../support/vm.ts';
import { asGaneti } from './ganeti.ts';
import { isClean, recordsOf, succeeded } from './steps.ts';

const skip = missingForNamespaces() ?? false;
const FIXTURES = join(import.meta.dirname, '../fixtures/ganeti');

interface Event {
  readonly node: 'node1' | 'node2';
  readonly up: boolean;
  readonly env: Readonly<Record<string, string>>;
}

/** Those that differ in more than names and numbers that somebody drew. */
const SCENARIOS = [
  ...new Map(
    readdirSync(FIXTURES)
      .flatMap(flavour => readdirSync(join(FIXTURES, flavour)).map(name => join(flavour, name)))
      .map(name => ({ name, events: eventsOf(join(FIXTURES, name)) }))
      .map(scenario => [JSON.stringify(scenario.events.map(essence)), scenario]),
  ).values(),
];

function essence({ node, up, env }: Event): unknown {
  const drawn = /^(INSTANCE|INTERFACE|INTERFACE_UUID|MAC|NETWORK_UUID|NETWORK_TAGS|IP)$/;
  return [node, up, Object.entries(env).map(([key, value]) => (drawn.test(key) ? key : `${key}=${value}`))];
}

function eventsOf(dir: string): readonly Event[] {
  return readdirSync(dir)
    .sort()
    .map(file => {
      const lines = readFileSync(join(dir, file), 'utf8').split('\n');
      const pairs = lines
        .filter(line => /^\w+=/.test(line))
        .map(line => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]);
      return {
        node: file.includes('node1') ? 'node1' : 'node2',
        up: !file.includes('ifdown'),
        env: Object.fromEntries(pairs),
      };
    });
}

let datacentre: Datacentre;
const untouched = new Map<string, State>();

before(async () => {
  if (skip !== false) return;
  datacentre = await buildDatacentre({ program: 'dist' });
  for (const node of [datacentre.node1, datacentre.node2]) {
    writeFileSync(node.configFile, '');
    // The tables that the recorded NICs name, 100 and main, made by an administrator; no configuration of ours.
    await ipBatch(node, [
      'route add default via 10.50.0.1 dev up0 onlink table 100',
      'route add default via 2001:db8:50::1 dev up0 onlink table 100',
    ]);
    untouched.set(node.name, await stateOf(node));
  }
});
after(() => datacentre?.close());

async function play({ node: name, up, env }: Event, position: string): Promise<void> {
  const node = datacentre[name];
  const tap = env.INTERFACE ?? '';
  if (up) {
    await ip(node, 'link', 'delete', tap).catch(() => undefined);
    await makeTap(node, tap);
  }
  const { exitCode, stdout, stderr } = await asGaneti(
    node,
    up ? 'kvm-vif-bridge' : `network/${env.MODE}/down`,
    env,
  );
  assert.deepEqual([exitCode, stdout, stderr], [0, '', ''], position);
  if (!up) {
    await ip(node, 'link', 'delete', tap).catch(() => undefined);
  }
}

for (const { name, events } of SCENARIOS) {
  test(`${name}: ${events.length} events`, { skip }, async () => {
    for (const [i, event] of events.entries()) await play(event, `event ${i + 1}`);
    for (const node of [datacentre.node1, datacentre.node2]) {
      // A cluster that calls nothing when a NIC goes leaves that to gc.
      if (events.every(event => event.node !== node.name)) continue;
      await isClean(node);
      const attached = recordsOf(node).length;
      const taken = Object.fromEntries(
        events.filter(event => event.node === node.name).map(({ up, env }) => [env.INTERFACE, up]),
      );
      assert.equal(attached, Object.values(taken).filter(Boolean).length);
      for (const { ifname } of JSON.parse(await ip(node, '-j', 'link', 'show')))
        if (/^tap/.test(ifname)) await ip(node, 'link', 'delete', ifname);
      succeeded(await node.vmnet(['gc']));
      assert.deepEqual(recordsOf(node), []);
      assert.deepEqual(await stateOf(node), untouched.get(node.name));
    }
  });
}

test("Ganeti's own tap to an installer is left alone, up and down", { skip }, async () => {
  const { node1 } = datacentre;
  await makeTap(node1, 'gnt.com.0');
  const before = await stateOf(node1);
  const env = {
    INTERFACE: 'gnt.com.0',
    MODE: 'routed',
    INSTANCE: 'i',
    MAC: 'aa:00:00:00:00:01',
    IP: '169.254.169.1',
    LINK: '100',
  };
  for (const name of ['kvm-vif-bridge', 'network/routed/up', 'network/routed/down'])
    assert.deepEqual(await asGaneti(node1, name, env), { exitCode: 0, stdout: '', stderr: '' });
  assert.deepEqual(await stateOf(node1), before);
  assert.deepEqual(recordsOf(node1), []);
});
