// The host's own links when something goes wrong on the way: at every operation, an error or the end of the process.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VmnetError } from '../../lib/core/errors.ts';
import { hostCheck, hostDown, hostUp } from '../../lib/run/host.ts';
import { type HostWorld, hostWorld, NODE } from '../support/host-world.ts';

const NOW = { dryRun: false, recreate: true };
const CHANGED = NODE.replace('ports = eth0 eth1', 'ports = eth1')
  .replace('primary = eth0', 'primary = eth1')
  .replace('id = 992', 'id = 994')
  .replace('table = 1001', 'table = 1002')
  .replaceAll('10.3.0.2/24', '10.3.0.4/24');

const SWITCH = `[ovs sw0]
uplink = eth3
tag = 10
mtu = 9000
addresses = 10.4.0.2/24 2001:db8:4::2/64
gateway6 = 2001:db8:4::1
`;

interface Case {
  readonly name: string;
  /** What is there before the run that goes wrong. */
  readonly first?: string;
  readonly ini: string;
  readonly down?: true;
}

const CASES: readonly Case[] = [
  { name: 'up from nothing', ini: NODE },
  { name: 'up after a change of the file', first: NODE, ini: CHANGED },
  {
    name: 'up with another mode',
    first: NODE,
    ini: NODE.replace('mode = active-backup', 'mode = 802.3ad').replace('primary = eth0', ''),
  },
  { name: 'down', first: NODE, ini: NODE, down: true },
  { name: 'a switch from nothing', ini: SWITCH },
  {
    name: 'a switch instead of a bridge',
    first: NODE,
    ini: `${NODE.slice(0, NODE.indexOf('[bridge storage]'))}${SWITCH}`,
  },
  { name: 'a switch goes', first: SWITCH, ini: SWITCH, down: true },
];

async function build({ first }: Case): Promise<HostWorld> {
  const world = hostWorld();
  if (first !== undefined) await hostUp(world.under(first), NOW);
  return world;
}

async function act(world: HostWorld, { ini, down }: Case): Promise<void> {
  if (down) await hostDown(world.under(ini), { dryRun: false });
  else await hostUp(world.under(ini), NOW);
}

async function operationsOf(one: Case): Promise<number> {
  const world = await build(one);
  world.kernel.arm();
  await act(world, one);
  return world.kernel.operations.length;
}

/** What the kernel gives by itself, and nobody can take back. */
function lasting(world: HostWorld): readonly string[] {
  return world.kernel
    .snapshot()
    .filter(
      line =>
        !/^link \S+ (mac|own-mac)|keep_addr_on_down|^sysctl net\/ipv[46]\/(conf|neigh)\/(?!eth)/.test(line),
    );
}

for (const one of CASES) {
  test(`${one.name}: an error anywhere leaves everything as it was, and the next run succeeds`, async () => {
    const count = await operationsOf(one);
    assert.ok(count > 5);
    for (let at = 1; at <= count; at += 1) {
      const world = await build(one);
      const was = lasting(world);
      world.kernel.arm({ at, how: 'fail' });
      await assert.rejects(
        act(world, one),
        (error: unknown) => error instanceof VmnetError,
        `operation ${at}`,
      );
      const failed = world.kernel.operations[at - 1];
      // The change is done by then, and only the record of it is missing: it tells more than is true before.
      if (failed?.kind !== 'record')
        assert.deepEqual(lasting(world), was, `operation ${at}: ${failed?.text}`);
      world.kernel.arm();
      await finishes(world, one, `operation ${at}: ${failed?.text}`);
    }
  });

  test(`${one.name}: a run that is killed anywhere is finished by the next one`, async () => {
    const count = await operationsOf(one);
    for (let at = 1; at <= count; at += 1) {
      const world = await build(one);
      world.kernel.arm({ at, how: 'die' });
      await assert.rejects(act(world, one));
      world.kernel.arm();
      await finishes(world, one, `killed at ${at}`);
    }
  });
}

async function finishes(world: HostWorld, one: Case, what: string): Promise<void> {
  await act(world, one);
  if (!one.down) {
    const drift = await hostCheck(world.under(one.ini));
    assert.deepEqual(drift, [], what);
    await hostDown(world.under(one.ini), { dryRun: false });
  }
  const left = lasting(world);
  assert.deepEqual(left, lasting(hostWorld()), what);
}
