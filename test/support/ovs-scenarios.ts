// What holds for NICs on Open vSwitch, in memory and where it really runs.
import assert from 'node:assert/strict';
import { VmnetError } from '../../lib/core/errors.ts';
import { parseIfname } from '../../lib/core/model/ifname.ts';
import { textOf } from '../../lib/core/model/object.ts';
import { attach } from '../../lib/run/attach.ts';
import { check } from '../../lib/run/check.ts';
import { detach } from '../../lib/run/detach.ts';
import { gc } from '../../lib/run/gc.ts';
import { repair } from '../../lib/run/repair.ts';
import { type Scenario, same } from './scenario.ts';
import { comingAndGoing } from './scenarios.ts';
import { OVS_SHAPES } from './shapes.ts';
import { bridged, routed, switched, type World } from './world.ts';

const now = { dryRun: false };
const tap0 = parseIfname('tap0', 'test');

export const OVS_SCENARIOS: readonly Scenario[] = [
  ...comingAndGoing(OVS_SHAPES),
  ...(
    [
      ['other VLANs', switched('tap0', 5, '.10'), switched('tap0', 5, ':10:20'), ['trunk trunks 10,20']],
      [
        'another bridge',
        switched('tap0', 5),
        { ...switched('tap0', 5, '.10'), link: 'ovs1', network: {} },
        ['bridge ovs1 access tag 10'],
      ],
      [
        'from routed',
        routed('tap0', 5),
        switched('tap0', 5, '.10:20'),
        ['bridge ovs0 native-untagged tag 10 trunks 20'],
      ],
      ['to routed', switched('tap0', 5), routed('tap0', 5), []],
      ['from bridged', bridged('tap0', 5), switched('tap0', 5), ['bridge ovs0 access tag 0']],
      ['to bridged', switched('tap0', 5), bridged('tap0', 5), []],
    ] as const
  ).map(
    ([name, from, to, wanted]): Scenario => ({
      name: `Open vSwitch: ${name}`,
      run: async world => {
        await world.makeTap('tap0');
        await attach(world.context, from, now);
        await attach(world.context, to, now);
        const found = await portsOf(world);
        assert.equal(found.length, wanted.length);
        for (const [i, text] of wanted.entries()) assert.ok(found[i]?.includes(text), found[i]);
        assert.deepEqual((await check(world.context, [])).steps, []);
        await detach(world.context, tap0, now);
        assert.deepEqual(await portsOf(world), []);
      },
    }),
  ),
  {
    name: 'Open vSwitch: what another link of that name left behind is made anew',
    run: async world => {
      for (const vlan of ['.10', '.20']) {
        await world.makeTap('tap0');
        await attach(world.context, switched('tap0', 5, '.10'), now);
        const before = await portsOf(world);
        await world.removeTap('tap0');
        assert.deepEqual(await portsOf(world), before);
        await world.makeTap('tap0');
        await attach(world.context, switched('tap0', 5, vlan), now);
        const after = await portsOf(world);
        assert.equal(after.length, 1);
        assert.notDeepEqual(after, before);
        await detach(world.context, tap0, now);
        await world.removeTap('tap0');
      }
    },
  },
  {
    name: 'Open vSwitch: gc takes what has lost its record, and leaves the ports of others; repair puts back',
    run: async world => {
      await world.makeTap('tap0');
      await world.makeTap('tap1');
      await world.ovs('add-port ovs0 tap1');
      await attach(world.context, switched('tap0', 5, '.10'), now);
      const whole = await world.snapshot();
      await world.ovs('del-port tap0');
      assert.deepEqual(
        (await check(world.context, [])).steps.map(step => step.op),
        ['add'],
      );
      await repair(world.context, [], now);
      await same(world, whole);
      world.context.host.records.remove(tap0);
      await gc(world.context, now);
      assert.deepEqual(await portsOf(world), ["ovs-port tap1 bridge ovs0 not vmnet's"]);
      await world.ovs('del-port tap1');
    },
  },
  {
    name: 'Open vSwitch: a port of the tap that somebody else made is taken over',
    run: async world => {
      await world.makeTap('tap0');
      await world.ovs('add-port ovs1 tap0 -- set Port tap0 tag=7');
      await attach(world.context, switched('tap0', 5, '.10'), now);
      const [port = '', ...others] = await portsOf(world);
      assert.deepEqual(others, []);
      assert.ok(port.startsWith('ovs-port tap0 bridge ovs0 access tag 10'), port);
      await detach(world.context, tap0, now);
      assert.deepEqual(await portsOf(world), []);
    },
  },
  {
    name: 'Open vSwitch: a bridge that it does not have is refused',
    run: async world => {
      await world.makeTap('tap0');
      const before = await world.snapshot();
      await assert.rejects(
        attach(world.context, { ...switched('tap0', 5), link: 'br0', network: {} }, now),
        (error: unknown) =>
          error instanceof VmnetError && error.exit === 'request' && error.message.includes('br0'),
      );
      await same(world, before);
    },
  },
];

/** All ports of taps, by a look with vmnet's own reader. */
async function portsOf(world: World): Promise<readonly string[]> {
  const nothing = { links: [], routes: [], proxies: [], sysctls: [], rules: false, nft: [], fdb: [] };
  const { objects } = await world.context.host.exchange([], { ...nothing, ovs: 'any' });
  return objects
    .filter(object => object.kind === 'ovs-port' && object.ifname.startsWith('tap'))
    .map(textOf)
    .sort();
}
