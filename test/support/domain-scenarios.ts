// What holds for NICs of a network that is in a VRF, on any kernel that has VRFs.
import assert from 'node:assert/strict';
import { parseIfname } from '../../lib/core/model/ifname.ts';
import { textOf } from '../../lib/core/model/object.ts';
import { attach } from '../../lib/run/attach.ts';
import { check } from '../../lib/run/check.ts';
import { detach } from '../../lib/run/detach.ts';
import { repair } from '../../lib/run/repair.ts';
import { conversions } from './conversions.ts';
import { type Scenario, same } from './scenario.ts';
import { comingAndGoing } from './scenarios.ts';
import { ROUTED } from './shapes.ts';
import { INI, routed, type World } from './world.ts';

/** That of world.ts, with the network `public` in vrf993. */
export const DOMAIN_INI = `[vrf vrf993]
table = 993
ports = up0
${INI.replace('table = 993', '$&\ndomain = vrf')}`;

const now = { dryRun: false };

type Breakage = readonly [name: string, lost: readonly string[], by: (world: World) => Promise<void>];

function broken(name: string, lost: readonly string[], ...lines: readonly string[]): Breakage {
  return [
    name,
    lost,
    async world => {
      for (const line of lines) await world.ip(line);
    },
  ];
}

/** What the kernel takes from a port that joins or leaves: its routes, and what is by them. */
const OF_A_PORT = ['192.0.2.5/32', '2001:db8:993::5/128'];

const BREAKAGES: readonly Breakage[] = [
  broken('the tap is out of the VRF', ['link tap0 master', ...OF_A_PORT], 'link set dev tap0 nomaster'),
  broken('the tap is in a bridge', ['link tap0 master', ...OF_A_PORT], 'link set dev tap0 master br0'),
  broken('the tap is in another VRF', ['link tap0 master', ...OF_A_PORT], 'link set dev tap0 master vrf77'),
  broken('the tap is down', ['link tap0 state', ...OF_A_PORT], 'link set dev tap0 down'),
  broken(
    'the uplink was out of the VRF for a moment',
    ['993 192.0.2.0/24', '993 0.0.0.0/0', '993 2001:db8:993::/64', '993 ::/0'],
    'link set dev up0 nomaster',
    'link set dev up0 master vrf993',
  ),
  [
    'the VRF does not forward',
    ['net/ipv4/conf/vrf993/forwarding'],
    world => world.sysctl('net/ipv4/conf/vrf993/forwarding', '0'),
  ],
  [
    'no tables of the filter',
    ['nft-table inet', 'nft-chain netdev from-tap0'],
    world => world.nft('flush ruleset'),
  ],
];

export const DOMAIN_SCENARIOS: readonly Scenario[] = [
  ...comingAndGoing(ROUTED.slice(0, 1)),
  ...conversions(ROUTED.slice(0, 1)),
  {
    name: 'an address changes',
    run: async world => {
      await world.makeTap('tap0');
      await attach(world.context, routed('tap0', 6), now);
      const wanted = await world.snapshot();
      const before = { ...routed('tap0', 5), mac: routed('tap0', 6).mac ?? assert.fail() };
      await attach(world.context, before, now);
      await attach(world.context, routed('tap0', 6), now);
      await same(world, wanted);
    },
  },
  {
    name: "a port of somebody's bridge is taken over, and given back",
    run: async world => {
      await world.makeTap('tap0');
      // Sysctls of the uplink stay.
      await attach(world.context, routed('tap0', 5), now);
      await detach(world.context, parseIfname('tap0', 'test'), now);
      await world.ip('link set dev tap0 master br0');
      const before = await world.snapshot();
      await attach(world.context, routed('tap0', 5), now);
      // Of what it had as a port of a bridge, a port of a VRF has nothing.
      assert.deepEqual(
        (await check(world.context, [])).steps.map(step => textOf(step.object)),
        [],
      );
      await detach(world.context, parseIfname('tap0', 'test'), now);
      await same(world, before);
    },
  },
  {
    name: 'check finds and repair heals what is broken',
    run: async world => {
      await world.ip('link add vrf77 type vrf table 77');
      await world.ip('link set vrf77 up');
      await world.makeTap('tap0');
      await attach(world.context, routed('tap0', 5), now);
      const whole = await world.snapshot();
      for (const [name, lost, by] of BREAKAGES) {
        await by(world);
        const texts = (await check(world.context, [])).steps.map(step => textOf(step.object));
        for (const part of lost)
          assert.ok(
            texts.some(text => text.includes(part)),
            `${name}: no ${part} in ${texts}`,
          );
        await repair(world.context, [], now);
        await same(world, whole, name);
      }
      await world.ip('link delete vrf77');
    },
  },
];
