// What holds on any kernel: the one in memory passes these assertions, and so does the real one in a network namespace.
import assert from 'node:assert/strict';
import { VmnetError } from '../../lib/core/errors.ts';
import { type Ifname, parseIfname } from '../../lib/core/model/ifname.ts';
import { textOf } from '../../lib/core/model/object.ts';
import { attach } from '../../lib/run/attach.ts';
import { check } from '../../lib/run/check.ts';
import { detach } from '../../lib/run/detach.ts';
import { gc } from '../../lib/run/gc.ts';
import { repair } from '../../lib/run/repair.ts';
import { BREAKAGES } from './breakages.ts';
import { conversions } from './conversions.ts';
import { type Scenario, same } from './scenario.ts';
import { SHAPES, type Shape } from './shapes.ts';
import { routed, type World } from './world.ts';

const now = { dryRun: false };
const tap = (name: string): Ifname => parseIfname(name, 'test');

export const SCENARIOS: readonly Scenario[] = [
  ...comingAndGoing(SHAPES),
  ...conversions(),
  {
    name: 'an address changes',
    run: async world => {
      await world.makeTap('tap0');
      await attach(world.context, routed('tap0', 6), now);
      const wanted = await world.snapshot();
      await detach(world.context, tap('tap0'), now);
      await attach(world.context, { ...routed('tap0', 5), mac: routed('tap0', 6).mac ?? assert.fail() }, now);
      const { plan } = await attach(world.context, routed('tap0', 6), now);
      assert.ok(
        plan.steps.every(step => ['route', 'proxy-neighbour', 'nft-chain'].includes(step.object.kind)),
      );
      await same(world, wanted);
      assert.deepEqual(
        world.announced.slice(-2).map(one => one.address.text),
        ['192.0.2.6', '2001:db8:993::6'],
      );
    },
  },
  ...['192.0.2.5', '2001:db8:993::5'].map(
    (address): Scenario => ({
      name: `${address} is somebody's: who lives is named, who is dead is collected`,
      run: async world => {
        await world.makeTap('tap0');
        await world.makeTap('tap1');
        await attach(world.context, routed('tap0', 5, { ips: [address] }), now);
        const held = await world.snapshot();
        await assert.rejects(
          attach(world.context, routed('tap1', 5, { ips: [address] }), now),
          (error: unknown) => {
            assert.ok(error instanceof VmnetError);
            assert.equal(error.exit, 'request');
            assert.match(error.message, /tap0.*vm5\.example\.org/);
            return true;
          },
        );
        await same(world, held);
        await world.removeTap('tap0');
        const { collected } = await attach(world.context, routed('tap1', 5, { ips: [address] }), now);
        assert.deepEqual(collected, ['tap0']);
        assert.deepEqual(
          world.context.host.records.list().records.map(one => one.request.ifname),
          ['tap1'],
        );
        assert.deepEqual((await check(world.context, [])).steps, []);
        assert.ok(!(await world.snapshot()).some(line => line.includes('tap0')));
      },
    }),
  ),
  ...Object.entries(BREAKAGES).map(
    ([about, breakages]): Scenario => ({
      name: `check finds and repair heals what is broken in ${about}`,
      run: async world => {
        await world.makeTap('tap0');
        await attach(world.context, routed('tap0', 5, { network: 'apart' }), now);
        const whole = await world.snapshot();
        for (const { name, lost, by } of breakages) {
          await by(world);
          const { steps } = await check(world.context, []);
          const texts = steps.map(step => textOf(step.object));
          for (const part of lost)
            assert.ok(
              texts.some(text => text.includes(part)),
              `${name}: no ${part} in ${texts}`,
            );
          await repair(world.context, [], now);
          await same(world, whole, name);
        }
      },
    }),
  ),
  {
    name: 'a record is lost: attach goes by what the kernel shows, and so does detach',
    run: async world => {
      await world.makeTap('tap0');
      await attach(world.context, routed('tap0', 7), now);
      const wanted = await world.snapshot();
      await detach(world.context, tap('tap0'), now);
      const before = await world.snapshot();
      await attach(world.context, routed('tap0', 5), now);
      world.context.host.records.remove(tap('tap0'));
      await attach(world.context, { ...routed('tap0', 7), mac: routed('tap0', 7).mac ?? assert.fail() }, now);
      await gc(world.context, now);
      await same(world, wanted);
      world.context.host.records.remove(tap('tap0'));
      await detach(world.context, tap('tap0'), now);
      const lasting = (lines: readonly string[]) => lines.filter(isLasting);
      assert.deepEqual(lasting(await world.snapshot()), lasting(before));
    },
  },
  {
    name: 'what others made stays',
    run: async world => {
      await foreign(world);
      await world.makeTap('tap0');
      const before = await world.snapshot();
      await attach(world.context, routed('tap0', 5), now);
      await repair(world.context, [], now);
      const attached = await world.snapshot();
      assert.deepEqual(before.filter(line => !attached.includes(line)).filter(isLasting), []);
      await gc(world.context, now);
      await same(world, attached);
      await detach(world.context, tap('tap0'), now);
      await gc(world.context, now);
      const after = await world.snapshot();
      assert.deepEqual(before.filter(line => !after.includes(line)).filter(isLasting), []);
    },
  },
  ...(['192.0.2.0/24 dev port0', '2001:db8:993::/64 dev port0'] as const).map(
    (route): Scenario => ({
      name: `a route of somebody else's is in the way and stays: ${route}`,
      run: async world => {
        await world.ip('link set dev port0 nomaster up');
        await world.ip(`route add ${route} table 993 protocol 4`);
        await world.makeTap('tap0');
        const before = await world.snapshot();
        await assert.rejects(
          attach(world.context, routed('tap0', 5), now),
          (error: unknown) =>
            error instanceof VmnetError && error.exit === 'config' && error.message.includes('port0'),
        );
        await same(world, before);
        assert.deepEqual(world.context.host.records.list().records, []);
      },
    }),
  ),
];

/** What comes goes again, and leaves nothing. */
export function comingAndGoing(shapes: readonly Shape[]): readonly Scenario[] {
  return shapes.flatMap(({ name, request }): Scenario[] => [
    {
      name: `${name}: attach, attach again, detach`,
      run: async world => {
        await world.makeTap('tap0');
        // What stays: sysctls of the host that are never switched off again, and the MAC that a bridge keeps.
        await attach(world.context, request('tap0', 5), now);
        await detach(world.context, tap('tap0'), now);
        const before = await world.snapshot();
        const first = await attach(world.context, request('tap0', 5), now);
        assert.ok(first.plan.steps.length > 0);
        assert.deepEqual(
          (await check(world.context, [])).steps.map(step => textOf(step.object)),
          [],
        );
        const attached = await world.snapshot();
        assert.deepEqual((await attach(world.context, request('tap0', 5), now)).plan.steps, []);
        await same(world, attached);
        await detach(world.context, tap('tap0'), now);
        await same(world, before);
        assert.deepEqual((await detach(world.context, tap('tap0'), now)).plan.steps, []);
      },
    },
    {
      name: `${name}: detach of one of two, in any order`,
      run: async world => {
        await world.makeTap('tap0');
        await world.makeTap('tap1');
        await attach(world.context, request('tap0', 5), now);
        const one = await world.snapshot();
        await attach(world.context, request('tap1', 6), now);
        await detach(world.context, tap('tap1'), now);
        await same(world, one);
        await attach(world.context, request('tap1', 6), now);
        const both = await world.snapshot();
        await detach(world.context, tap('tap0'), now);
        await attach(world.context, request('tap0', 5), now);
        await same(world, both);
        assert.deepEqual((await check(world.context, [])).steps, []);
      },
    },
    {
      name: `${name}: a tap that vanished is detached, and collected`,
      run: async world => {
        await world.makeTap('tap0');
        await attach(world.context, request('tap0', 5), now);
        await detach(world.context, tap('tap0'), now);
        await world.removeTap('tap0');
        const before = await world.snapshot();
        for (const clean of [() => detach(world.context, tap('tap0'), now), () => gc(world.context, now)]) {
          await world.makeTap('tap0');
          await attach(world.context, request('tap0', 5), now);
          await world.removeTap('tap0');
          await clean();
          await same(world, before);
          assert.deepEqual(world.context.host.records.list().records, []);
        }
      },
    },
  ]);
}

/** Not what vmnet switches on for good, nor the settings of the tap. */
function isLasting(line: string): boolean {
  return !line.startsWith('sysctl ') && !line.includes('tap0');
}

async function foreign(world: World): Promise<void> {
  await world.ip('route add 203.0.113.0/24 dev up0 table 993 protocol 4');
  await world.ip('route add 2001:db8:f00::/48 dev up0 table 993 protocol 4');
  await world.ip('route add 203.0.113.9/32 dev up0 table 77 protocol 4');
  for (const family of [4, 6] as const) {
    await world.ip('rule add preference 910 from all fwmark 77 lookup 77 protocol 4', family);
    await world.ip('rule add preference 901 from all fwmark 78 lookup 77 protocol 4', family);
  }
  await world.ip('neigh replace proxy 203.0.113.7 dev up0 nud permanent protocol 4');
  await world.ip('neigh replace proxy 2001:db8:f00::7 dev up0 nud permanent protocol 4');
  await world.nft(
    'add table inet other',
    'add set inet other taps { type ifname; }',
    'add element inet other taps { "tap0" }',
  );
}
