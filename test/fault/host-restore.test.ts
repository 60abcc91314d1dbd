// The way back from a change of the host's own links that nobody has confirmed, wherever it was when it ended.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VmnetError } from '../../lib/core/errors.ts';
import { parseHostSnapshot } from '../../lib/core/source/host-snapshot.ts';
import { type Guard, hostCheck, hostDown, hostUp } from '../../lib/run/host.ts';
import { restoreHost } from '../../lib/run/host-snapshot.ts';
import { type HostWorld, hostWorld, NODE } from '../support/host-world.ts';

const NOW = { dryRun: false, recreate: true };
/** The way back must not need the file. */
const NO_FILE = '';
const CHANGED = NODE.replace('ports = eth0 eth1', 'ports = eth1')
  .replace('primary = eth0', 'primary = eth1')
  .replace('id = 992', 'id = 994')
  .replaceAll('10.3.0.2/24', '10.3.0.4/24');

interface Case {
  readonly name: string;
  readonly first?: string;
  readonly ini: string;
  readonly down?: true;
}

const CASES: readonly Case[] = [
  { name: 'up from nothing', ini: NODE },
  { name: 'a change of the file', first: NODE, ini: CHANGED },
  {
    name: 'another mode, with all that is on the bond',
    first: NODE,
    ini: NODE.replace('mode = active-backup', 'mode = 802.3ad').replace('primary = eth0', ''),
  },
  {
    name: 'an address that moves to a bridge',
    ini: '[bridge br9]\nports = eth2\naddresses = 10.7.0.2/24 2001:db8:7::2/64\ngateway = 10.7.0.1\n',
  },
  { name: 'down', first: NODE, ini: NODE, down: true },
];

async function build({ first }: Case): Promise<HostWorld> {
  const world = hostWorld();
  if (first !== undefined) await hostUp(world.under(first), NOW);
  return world;
}

/** Acts, and gives the text of the snapshot; undefined when it did not come so far. */
async function act(world: HostWorld, { ini, down }: Case): Promise<string | undefined> {
  let text: string | undefined;
  const guard: Guard = (snapshot, work) => {
    text = JSON.stringify(snapshot);
    return work();
  };
  const context = world.under(ini);
  const acting = down ? hostDown(context, { dryRun: false, guard }) : hostUp(context, { ...NOW, guard });
  await acting.catch(() => undefined);
  return text;
}

async function restore(world: HostWorld, text: string): Promise<void> {
  await restoreHost(world.under(NO_FILE), parseHostSnapshot(text, 'before'));
}

/** Without the MACs that links get anew, and what belongs to links that are gone. */
function lasting(world: HostWorld): readonly string[] {
  return world.kernel
    .snapshot()
    .filter(
      line =>
        !/^link \S+ (mac|own-mac)|keep_addr_on_down|^sysctl net\/ipv[46]\/(conf|neigh)\/(?!eth)/.test(line),
    );
}

for (const one of CASES) {
  test(`${one.name}: undone from the snapshot, wherever it was killed`, async () => {
    const counting = await build(one);
    counting.kernel.arm();
    await act(counting, one);
    const count = counting.kernel.operations.length;
    assert.ok(count > 5);
    let restored = 0;
    // One more than there are: it has come to its end.
    for (let at = 1; at <= count + 1; at += 1) {
      const world = await build(one);
      const was = lasting(world);
      const records = world.kernel.records()['/host'];
      world.kernel.arm({ at, how: 'die' });
      const text = await act(world, one);
      world.kernel.arm();
      if (text === undefined) continue;
      restored += 1;
      await restore(world, text);
      assert.deepEqual(lasting(world), was, `killed at ${at}`);
      assert.equal(world.kernel.records()['/host'] === undefined, records === undefined);
      // Who owns what is known as before: the old file finds nothing to do, and takes all of it away.
      if (one.first === undefined) continue;
      assert.deepEqual(await hostCheck(world.under(one.first)), [], `killed at ${at}`);
      await hostDown(world.under(one.first), { dryRun: false });
      assert.deepEqual(lasting(world), lasting(hostWorld()), `killed at ${at}`);
    }
    assert.ok(restored > 3);
  });
}

test('what somebody else has made since stays', async () => {
  const world = hostWorld();
  const text = (await act(world, { name: '', ini: NODE })) ?? '';
  world.ip('address add 10.7.0.99/24 dev eth2', 'route add 203.0.113.0/24 via 10.7.0.1 dev eth2');
  // By the hook of a lease on a port of the VRF: this goes with it.
  world.ip('rule add preference 890 to 10.7.0.1/32 ipproto udp dport 67 lookup 1001 protocol 2');
  await restore(world, text);
  assert.deepEqual(world.shows(/bond0|vlan992|storage|mgmt|lookup 1001/), []);
  assert.equal(world.shows(/10\.7\.0\.99|203\.0\.113\.0/).length, 2);
});

test('without a change there is no snapshot', async () => {
  const world = hostWorld();
  await act(world, { name: '', ini: NODE });
  assert.equal(await act(world, { name: '', ini: NODE }), undefined);
});

const BROKEN: readonly (readonly [string, RegExp])[] = [
  ['', /no JSON/],
  ['{}', /version/],
  ['{"version":2,"was":[],"wanted":[],"names":[],"live":[]}', /version/],
  ['{"version":1,"was":[{"kind":"nft-table"}],"wanted":[],"names":[],"live":[]}', /was\[0\]\.kind/],
  [
    '{"version":1,"was":[{"kind":"link","ifname":"a","type":"bond mode 1"}],"wanted":[],"names":[],"live":[]}',
    /was\[0\]\.type/,
  ],
  [
    '{"version":1,"was":[{"kind":"sysctl","path":"net/../kernel/core_pattern","value":"1"}],"wanted":[],"names":[],"live":[]}',
    /was\[0\]\.path/,
  ],
  ['{"version":1,"was":[],"wanted":[],"names":["a b"],"live":[]}', /names\[0\]/],
  ...['/etc/passwd', '/etc/systemd/network/../x.conf', '/etc/systemd/network/..'].map(
    path =>
      [
        `{"version":1,"was":[],"wanted":[],"names":[],"live":[],"networkd":[{"path":"${path}","lines":[]}]}`,
        /networkd\[0\]\.path/,
      ] as const,
  ),
];

test('a snapshot that is none is refused, and says where', () => {
  for (const [text, pattern] of BROKEN)
    assert.throws(
      () => parseHostSnapshot(text, '/x'),
      (error: unknown) =>
        error instanceof VmnetError &&
        error.exit === 'record' &&
        error.where === '/x' &&
        pattern.test(error.message),
      text,
    );
});
