// What holds for NICs in VLANs on any kernel that has VLAN-aware bridges.
import assert from 'node:assert/strict';
import { VmnetError } from '../../lib/core/errors.ts';
import { parseIfname } from '../../lib/core/model/ifname.ts';
import { attach } from '../../lib/run/attach.ts';
import { check } from '../../lib/run/check.ts';
import { detach } from '../../lib/run/detach.ts';
import { gc } from '../../lib/run/gc.ts';
import { type Scenario, same } from './scenario.ts';
import { comingAndGoing } from './scenarios.ts';
import { VLAN_SHAPES } from './shapes.ts';
import { bridged, inVlans, routed, type World } from './world.ts';

const now = { dryRun: false };
const tap0 = parseIfname('tap0', 'test');
const tap1 = parseIfname('tap1', 'test');

export const VLAN_SCENARIOS: readonly Scenario[] = [
  // Where there are VLANs there is no KVM, and everything takes its time: the one that has of both.
  ...comingAndGoing(VLAN_SHAPES.slice(-1)),
  ...(
    [
      ['to other VLANs', inVlans('tap0', 5, '.10:20'), inVlans('tap0', 5, '.20:30')],
      ['access to trunk', inVlans('tap0', 5, '.10'), inVlans('tap0', 5, ':10')],
      ['into a VLAN', { ...bridged('tap0', 5), link: 'br2' }, inVlans('tap0', 5, '.10')],
      ['out of a VLAN', inVlans('tap0', 5, '.10'), { ...bridged('tap0', 5), link: 'br2' }],
      ['from another bridge', bridged('tap0', 5), inVlans('tap0', 5, '.10')],
      ['to another bridge', inVlans('tap0', 5, '.10'), bridged('tap0', 5)],
      ['from routed', routed('tap0', 5), inVlans('tap0', 5, '.10')],
      ['to routed', inVlans('tap0', 5, '.10'), routed('tap0', 5)],
    ] as const
  ).map(
    ([name, from, to]): Scenario => ({
      name: `VLANs: ${name} gives what an attach alone gives`,
      run: async world => {
        await world.makeTap('tap0');
        for (const one of [from, to]) {
          await attach(world.context, one, now);
          await detach(world.context, tap0, now);
        }
        await attach(world.context, to, now);
        const wanted = await world.snapshot();
        await detach(world.context, tap0, now);
        await attach(world.context, from, now);
        await attach(world.context, to, now);
        await same(world, wanted);
        assert.deepEqual((await check(world.context, [])).steps, []);
      },
    }),
  ),
  {
    name: 'VLANs: an uplink has those that a NIC needs, and its own',
    run: async world => {
      await world.makeTap('tap0');
      await world.makeTap('tap1');
      assert.deepEqual(await vlansOf(world, 'trunk0'), ['1 pvid untagged']);
      await attach(world.context, inVlans('tap0', 5, '.10:20'), now);
      await attach(world.context, inVlans('tap1', 6, ':20:30'), now);
      assert.deepEqual(await vlansOf(world, 'trunk0'), ['1 pvid untagged', '10', '20', '30']);
      assert.deepEqual(await vlansOf(world, 'tap0'), ['10 pvid untagged', '20']);
      assert.deepEqual(await vlansOf(world, 'tap1'), ['20', '30']);
      await detach(world.context, tap0, now);
      assert.deepEqual(await vlansOf(world, 'trunk0'), ['1 pvid untagged', '20', '30']);
      await attach(world.context, inVlans('tap1', 6, ':30'), now);
      assert.deepEqual(await vlansOf(world, 'trunk0'), ['1 pvid untagged', '30']);
      await world.removeTap('tap1');
      await gc(world.context, now);
      assert.deepEqual(await vlansOf(world, 'trunk0'), ['1 pvid untagged']);
      await detach(world.context, tap1, now);
    },
  },
  ...(
    [
      [
        'a bridge that is not VLAN-aware',
        { ...inVlans('tap0', 5, '.10'), link: 'br0', network: {} },
        'request',
        'br0',
      ],
    ] as const
  ).map(
    ([name, request, exit, word]): Scenario => ({
      name: `VLANs: ${name} is refused`,
      run: async world => {
        await world.makeTap('tap0');
        const before = await world.snapshot();
        await assert.rejects(
          attach(world.context, request, now),
          (error: unknown) =>
            error instanceof VmnetError && error.exit === exit && error.message.includes(word),
        );
        await same(world, before);
      },
    }),
  ),
];

/** The VLANs of a port, by a look at the kernel with vmnet's own reader. */
async function vlansOf(world: World, port: string): Promise<readonly string[]> {
  const nothing = { links: [], routes: [], proxies: [], sysctls: [], rules: false, nft: [], fdb: [] };
  const ifname = parseIfname(port, 'test');
  const { objects } = await world.context.host.exchange([], { ...nothing, vlans: [ifname] });
  return objects.flatMap(object =>
    object.kind === 'bridge-vlan' && object.ifname === port
      ? [`${object.id}${object.pvid ? ' pvid' : ''}${object.untagged ? ' untagged' : ''}`]
      : [],
  );
}
