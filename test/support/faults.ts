// What is done to a node, to be disturbed at every operation in turn.

import { parseIfname } from '../../lib/core/model/ifname.ts';
import type { Nic } from '../../lib/core/model/network.ts';
import type { NicRequest } from '../../lib/core/model/request.ts';
import { attach, resolve } from '../../lib/run/attach.ts';
import { detach } from '../../lib/run/detach.ts';
import { repair } from '../../lib/run/repair.ts';
import { type MemoryWorld, memoryWorld } from './memory-world.ts';
import { SHAPES as ALL, APART, OVS_SHAPES, ROUTED, VLAN_SHAPES } from './shapes.ts';
import { bridged, inVlans, routed, switched } from './world.ts';

export interface Case {
  readonly name: string;
  /** What there is before; tap0 is made already, and down. */
  readonly before?: (world: MemoryWorld) => Promise<unknown>;
  readonly act: (world: MemoryWorld) => Promise<unknown>;
  /** What tap0 is to be, or has been. */
  readonly request: NicRequest;
}

const SHAPES = [...ALL, ...VLAN_SHAPES, ...OVS_SHAPES];
const now = { dryRun: false };
const tap0 = parseIfname('tap0', 'test');
const up = (world: MemoryWorld, request: NicRequest) => attach(world.context, request, now);
const repaired = (world: MemoryWorld) => repair(world.context, [], now);

const attached = (name: string, request: NicRequest, before?: Case['before']): Case => ({
  name,
  request,
  act: world => up(world, request),
  ...(before === undefined ? {} : { before }),
});

const arriving = (request: NicRequest): NicRequest => ({ ...request, phase: 'arriving' });

export const ATTACHES: readonly Case[] = [
  ...SHAPES.map(({ name, request }) => attached(`${name}: first of the node`, request('tap0', 5))),
  ...SHAPES.map(({ name, request }) =>
    attached(`${name}: second of its network`, request('tap0', 5), async world => {
      await world.makeTap('tap1');
      await up(world, request('tap1', 6));
    }),
  ),
  ...SHAPES.map(({ name, request }) =>
    attached(`${name}: a tap that was up`, request('tap0', 5), world => world.ip('link set dev tap0 up')),
  ),
  ...ROUTED.flatMap(({ name, request }) => [
    attached(`${name}: to bridged`, bridged('tap0', 5), world => up(world, request('tap0', 5))),
    attached(`${name}: from bridged`, request('tap0', 5), world => up(world, bridged('tap0', 5))),
    attached(`${name}: other addresses`, request('tap0', 7), world => up(world, request('tap0', 5))),
  ]),
  ...ROUTED.filter(({ name }) => name !== APART).map(({ name, request }) =>
    attached(`${name}: another network`, routed('tap0', 5, { network: 'apart' }), world =>
      up(world, request('tap0', 5)),
    ),
  ),
  ...ROUTED.flatMap(({ name, request }) => [
    attached(`${name}: arriving`, arriving(request('tap0', 5))),
    attached(`${name}: arrived`, request('tap0', 5), world => up(world, arriving(request('tap0', 5)))),
  ]),
  ...[inVlans('tap0', 5, ':10:20'), { ...bridged('tap0', 5), link: 'br2' }, bridged('tap0', 5)].map(other =>
    attached(`VLAN .10, from ${other.link} ${other.vlan ?? ''}`, inVlans('tap0', 5, '.10'), world =>
      up(world, other),
    ),
  ),
  ...[routed('tap0', 5), bridged('tap0', 5), inVlans('tap0', 5, '.10'), switched('tap0', 5, '.20')].flatMap(
    other => [
      attached(`Open vSwitch, from ${other.mode} ${other.vlan ?? ''}`, switched('tap0', 5, '.10'), world =>
        up(world, other),
      ),
      attached(`Open vSwitch, to ${other.mode} ${other.vlan ?? ''}`, other, world =>
        up(world, switched('tap0', 5, '.10')),
      ),
    ],
  ),
  attached('VLAN .10, to none', { ...bridged('tap0', 5), link: 'br2' }, world =>
    up(world, inVlans('tap0', 5, '.10')),
  ),
  attached('the addresses of one that is gone', routed('tap0', 5), async world => {
    await world.makeTap('tap1');
    await up(world, routed('tap1', 5));
    await world.removeTap('tap1');
  }),
];

export const REPAIRS: readonly Case[] = SHAPES.map(({ name, request }) => ({
  name: `${name}: repair after a flush of nftables and a link that lost its settings`,
  request: request('tap0', 5),
  before: async world => {
    await up(world, request('tap0', 5));
    world.kernel.state.nft.clear();
    await world.ip('link set dev tap0 nomaster down');
    await world.ip('link set dev tap0 mtu 1400 up');
  },
  act: repaired,
}));

export const DETACHES: readonly Case[] = [
  ...ROUTED.map(
    ({ name, request }): Case => ({
      name: `${name}: detach of one that was arriving`,
      request: arriving(request('tap0', 5)),
      before: world => up(world, arriving(request('tap0', 5))),
      act: world => detach(world.context, tap0, now),
    }),
  ),
  ...SHAPES.flatMap(({ name, request }): Case[] => [
    {
      name: `${name}: detach of the last`,
      request: request('tap0', 5),
      before: world => up(world, request('tap0', 5)),
      act: world => detach(world.context, tap0, now),
    },
    {
      name: `${name}: detach of one of two`,
      request: request('tap0', 5),
      before: async world => {
        await world.makeTap('tap1');
        await up(world, request('tap1', 6));
        await up(world, request('tap0', 5));
      },
      act: world => detach(world.context, tap0, now),
    },
    {
      name: `${name}: detach of a tap that was up before`,
      request: request('tap0', 5),
      before: async world => {
        await world.ip('link set dev tap0 up');
        await up(world, request('tap0', 5));
      },
      act: world => detach(world.context, tap0, now),
    },
    {
      name: `${name}: detach of a tap that vanished`,
      request: request('tap0', 5),
      before: async world => {
        await up(world, request('tap0', 5));
        await world.removeTap('tap0');
      },
      act: world => detach(world.context, tap0, now),
    },
  ]),
];

export async function worldOf({ before }: Case): Promise<MemoryWorld> {
  const world = memoryWorld();
  await world.makeTap('tap0');
  await before?.(world);
  world.kernel.arm();
  return world;
}

export async function nicOf(world: MemoryWorld, { request }: Case): Promise<Nic> {
  return resolve(world.context, request);
}

/** How the case ends when nothing disturbs it. */
export async function undisturbed(one: Case) {
  const world = await worldOf(one);
  const before = await stateOf(world);
  await one.act(world);
  return { operations: [...world.kernel.operations], before, after: await stateOf(world) };
}

/** A bridge that was given its MAC keeps it: nothing can take that back, and nothing needs to. */
export async function stateOf(world: MemoryWorld) {
  const lines = await world.snapshot();
  return { kernel: lines.filter(line => !line.includes('own-mac')), records: world.kernel.records() };
}
