// What Ganeti gave its hooks, recorded on real clusters, event by event, to the real hooks on nodes that have its links:
// each recording as each of Ganeti's contracts would have it.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { ip, ipBatch, missingForNamespaces } from '../support/command.ts';
import { buildDatacentre, type Datacentre, type Node } from '../support/datacentre.ts';
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

interface Scenario {
  readonly name: string;
  readonly events: readonly Event[];
}

const SCENARIOS: readonly Scenario[] = readdirSync(FIXTURES)
  .flatMap(flavour => readdirSync(join(FIXTURES, flavour)).map(name => join(flavour, name)))
  .map(name => ({ name, events: eventsOf(join(FIXTURES, name)) }));

/** Those that differ in more than names and numbers that somebody drew. */
const DISTINCT: readonly Scenario[] = [
  ...new Map(SCENARIOS.map(scenario => [JSON.stringify(scenario.events.map(essence)), scenario])).values(),
];

function essence({ node, up, env }: Event): unknown {
  const drawn = /^(INSTANCE|INTERFACE|INTERFACE_UUID|MAC|NETWORK_UUID|NETWORK_TAGS|IP)$/;
  return [node, up, Object.entries(env).map(([key, value]) => (drawn.test(key) ? key : `${key}=${value}`))];
}

/** What is called when a NIC comes and when it goes; where nothing is, the tap vanishes and the watcher comes by. */
interface Contract {
  readonly name: string;
  readonly scenarios: readonly Scenario[];
  readonly up: (env: Event['env']) => string;
  readonly down: ((env: Event['env']) => string) | undefined;
}

const CONTRACTS: readonly Contract[] = [
  { name: 'Ganeti 2.x to 3.1', scenarios: SCENARIOS, up: () => 'kvm-vif-bridge', down: undefined },
  {
    name: "GRNET's patches",
    scenarios: SCENARIOS,
    up: () => 'kvm-ifup-custom',
    down: () => 'kvm-ifdown-custom',
  },
  {
    name: 'Ganeti 3.2',
    scenarios: DISTINCT,
    up: ({ MODE }) => `network/${MODE}/up`,
    down: ({ MODE }) => `network/${MODE}/down`,
  },
];

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

async function build(): Promise<Datacentre> {
  const datacentre = await buildDatacentre({ program: 'dist' });
  for (const node of [datacentre.node1, datacentre.node2]) {
    writeFileSync(node.configFile, '');
    // The tables that the recorded NICs name, 100 and main, made by an administrator; no configuration of ours.
    await ipBatch(node, [
      'route add default via 10.50.0.1 dev up0 onlink table 100',
      'route add default via 2001:db8:50::1 dev up0 onlink table 100',
    ]);
  }
  return datacentre;
}

async function play(datacentre: Datacentre, contract: Contract, event: Event): Promise<void> {
  const { up, env } = event;
  const node = datacentre[event.node];
  const tap = env.INTERFACE ?? '';
  const gone = () => ip(node, 'link', 'delete', tap).catch(() => undefined);
  if (up) {
    await gone();
    await makeTap(node, tap);
  }
  const hook = up ? contract.up : contract.down;
  if (hook !== undefined)
    assert.deepEqual(await asGaneti(node, hook(env), env), { exitCode: 0, stdout: '', stderr: '' });
  if (!up) await gone();
  if (hook === undefined) succeeded(await node.hook('ganeti/watcher', {}));
}

/** Events of several VMs at once, as they were when they were recorded; else one after the other. */
async function playAll(
  datacentre: Datacentre,
  contract: Contract,
  { name, events }: Scenario,
): Promise<void> {
  const taps = new Set(events.map(({ node, env }) => `${node} ${env.INTERFACE}`));
  if (name.includes('parallel') && taps.size === events.length) {
    await Promise.all(events.map(event => play(datacentre, contract, event)));
    return;
  }
  for (const event of events) await play(datacentre, contract, event);
}

/** Nothing drifts, who came last is there, and when all are gone so is what they had. */
async function endsClean(node: Node, events: readonly Event[], untouched: State): Promise<void> {
  await isClean(node);
  const taken = Object.fromEntries(events.map(({ up, env }) => [env.INTERFACE, up]));
  assert.equal(recordsOf(node).length, Object.values(taken).filter(Boolean).length);
  for (const { ifname } of JSON.parse(await ip(node, '-j', 'link', 'show')))
    if (/^tap/.test(ifname)) await ip(node, 'link', 'delete', ifname);
  succeeded(await node.vmnet(['gc']));
  assert.deepEqual(recordsOf(node), []);
  assert.deepEqual(await stateOf(node), untouched);
}

describe('recorded events', { skip, concurrency: true }, () => {
  for (const contract of CONTRACTS) {
    test(`as ${contract.name} would have them`, async t => {
      const datacentre = await build();
      t.after(() => datacentre.close());
      const untouched = new Map<string, State>();
      for (const name of ['node1', 'node2'] as const) untouched.set(name, await stateOf(datacentre[name]));
      for (const scenario of contract.scenarios) {
        await t.test(`${scenario.name}: ${scenario.events.length} events`, async () => {
          await playAll(datacentre, contract, scenario);
          for (const [name, own] of Map.groupBy(scenario.events, ({ node }) => node))
            await endsClean(datacentre[name], own, untouched.get(name)!);
        });
      }
    });
  }
});

const HOOKS = [
  ...['kvm-vif-bridge', 'kvm-ifup-custom', 'kvm-ifdown-custom'],
  ...['routed', 'bridged', 'ext'].flatMap(mode => [`network/${mode}/up`, `network/${mode}/down`]),
];

test("Ganeti's own tap to an installer is left alone, up and down", { skip }, async t => {
  const { node1, close } = await build();
  t.after(close);
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
  for (const name of HOOKS)
    assert.deepEqual(await asGaneti(node1, name, env), { exitCode: 0, stdout: '', stderr: '' });
  assert.deepEqual(await stateOf(node1), before);
  assert.deepEqual(recordsOf(node1), []);
});
