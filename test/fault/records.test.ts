// Records that cannot be read, that are another's, or that change while somebody waits: on the kernel in memory, with the
// files of a real state directory.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { VmnetError } from '../../lib/core/errors.ts';
import { parseAddress } from '../../lib/core/model/address.ts';
import { parseIfname } from '../../lib/core/model/ifname.ts';
import type { NicRecord } from '../../lib/core/model/record.ts';
import { createHost } from '../../lib/host/host.ts';
import { arrive } from '../../lib/run/arrive.ts';
import { attach } from '../../lib/run/attach.ts';
import { check } from '../../lib/run/check.ts';
import { detach } from '../../lib/run/detach.ts';
import { gc } from '../../lib/run/gc.ts';
import { show } from '../../lib/run/list.ts';
import type { Context } from '../../lib/run/ports.ts';
import { repair } from '../../lib/run/repair.ts';
import { memoryWorld } from '../support/memory-world.ts';
import { contextOf, INI, routed } from '../support/world.ts';

const now = { dryRun: false };
const tap = (name: string) => parseIfname(name, 'test');
const root = mkdtempSync(join(tmpdir(), 'vmnet-records-'));
after(() => rmSync(root, { recursive: true }));

/** A node with these taps, and what its runs say. */
async function node(...taps: readonly string[]) {
  const world = memoryWorld();
  const state = mkdtempSync(join(root, 'state-'));
  const said: string[] = [];
  const host = { ...world.context.host, records: createHost(state).records };
  const contextWith = (ini: string): Context => ({
    ...contextOf(host, ini),
    report: (level, text) => void (level === 'debug' || said.push(text)),
  });
  for (const name of taps) await world.makeTap(name);
  let clock = Date.UTC(2031, 4, 4);
  host.now = () => {
    clock += 1000;
    return new Date(clock).toISOString();
  };
  return { world, state, said, contextWith, context: contextWith(INI), nics: join(state, 'nics') };
}

/** The same context, in which this happens while somebody waits for the lock. */
function whileWaiting(context: Context, name: string, happens: () => void): Context {
  const { host } = context;
  const lock: typeof host.lock = (asked, mode, timeout) => {
    const held = host.lock(asked, mode, timeout);
    if (asked === name) happens();
    return held;
  };
  return { ...context, host: { ...host, lock } };
}

describe('a directory where a record should be', () => {
  test('keeps gc from nothing else', async () => {
    const { world, nics, context } = await node('tap0', 'tap9');
    await attach(context, routed('tap0', 5), now);
    await attach(context, routed('tap9', 6), now);
    mkdirSync(join(nics, 'tap3.json'));
    for (const name of ['tap0', 'tap9']) await world.removeTap(name);
    const { taps, errors } = await gc(context, now);
    assert.deepEqual(taps, ['tap0', 'tap9']);
    assert.deepEqual(
      errors.map(({ exit, where }) => [exit, where]),
      [['record', join(nics, 'tap3.json')]],
    );
    assert.deepEqual(readdirSync(nics), ['tap3.json']);
    assert.deepEqual((await gc(context, now)).plan.steps, []);
  });
});

describe('the broken record of another tap, whose address is asked for', () => {
  const wanted = { ...routed('tap0', 5) };

  test('whose link is gone: the NIC comes up', async () => {
    const { world, nics, context, said } = await node('tap0', 'tap1');
    await attach(context, routed('tap1', 5), now);
    writeFileSync(join(nics, 'tap1.json'), '{');
    await world.removeTap('tap1');
    await attach(context, wanted, now);
    assert.deepEqual((await check(context, [tap('tap0')])).steps, []);
    assert.deepEqual(said, []);
  });

  test('whose link is there: the address is taken, and that is the error', async () => {
    const { nics, context, said } = await node('tap0', 'tap1');
    await attach(context, routed('tap1', 5), now);
    writeFileSync(join(nics, 'tap1.json'), '{');
    await assert.rejects(attach(context, wanted, now), (error: unknown) => {
      assert.ok(error instanceof VmnetError);
      assert.equal(error.exit, 'request');
      assert.match(error.message, /tap1/);
      return true;
    });
    assert.match(said.join(' '), /tap1\.json/);
  });
});

test('a configuration that does not give a NIC any more: its record is shown, and what is wrong', async () => {
  const { contextWith, context } = await node('tap0');
  await attach(context, routed('tap0', 5), now);
  const shown = await show(contextWith('[network other]\nmode = bridged\nlink = br0\n'), tap('tap0'));
  assert.equal(shown.error?.exit, 'request');
  assert.deepEqual(shown.drift, []);
  assert.ok(shown.objects.some(object => object.kind === 'route'));
  assert.equal((await show(context, tap('tap0'))).error, undefined);
});

describe('a record that is written while somebody waits for the host', () => {
  test('detach goes by what repair has made of the NIC', async () => {
    const { world, contextWith, context } = await node('tap0');
    const before = world.kernel.snapshot();
    await attach(context, routed('tap0', 5), now);
    const old = context.host.records.read(tap('tap0'));
    const changed = contextWith(INI.replace('table = 993', 'table = 995'));
    await repair(changed, [], now);
    const repaired = context.host.records.read(tap('tap0'));
    assert.ok(old && repaired && old.network?.group !== repaired.network?.group);
    changed.host.records.write(old);
    const waiting = whileWaiting(changed, 'host', () => changed.host.records.write(repaired));
    await detach(waiting, tap('tap0'), now);
    const left = (lines: readonly string[]) => lines.filter(line => /99[35]/.test(line));
    assert.deepEqual(left(world.kernel.snapshot()), left(before));
  });

  test('what has arrived by itself meanwhile is left as it is, and so is what is gone', async () => {
    const { contextWith, context, said } = await node('tap0', 'tap1');
    const arriving = (name: string, number: number) =>
      ({ ...routed(name, number), instance: 'vm.example.org', phase: 'arriving' }) as const;
    await attach(context, arriving('tap0', 5), now);
    await attach(context, arriving('tap1', 6), now);
    const { phase: _, ...here } = arriving('tap0', 7);
    const other = contextWith(INI);
    await attach(other, here, now);
    const renewed = context.host.records.read(tap('tap0')) as NicRecord;
    await attach(other, arriving('tap0', 5), now);
    const waiting = whileWaiting(context, 'tap0', () => other.host.records.write(renewed));
    const gone = whileWaiting(waiting, 'tap1', () => other.host.records.remove(tap('tap1')));
    await arrive(gone, 'vm.example.org');
    assert.deepEqual(said, []);
    assert.deepEqual(context.host.records.read(tap('tap0')), renewed);
    assert.equal(context.host.records.read(tap('tap1')), undefined);
  });
});

describe('another route-protocol while NICs are up', () => {
  const withProtocol = (number: number) => `[vmnet]\nroute-protocol = ${number}\n${INI}`;
  const routes = (lines: readonly string[]) =>
    lines.filter(line => /route.*(192\.0\.2\.5\/32|2001:db8:993::5\/128)/.test(line));

  test('repair gives the routes the new one, and detach takes them away', async () => {
    const { world, contextWith } = await node('tap0');
    await attach(contextWith(withProtocol(186)), routed('tap0', 5), now);
    for (const number of [187, 118, 186]) {
      const changed = contextWith(withProtocol(number));
      const drift = (await check(changed, [])).steps;
      assert.deepEqual(
        drift.map(({ op, object }) => [op, object.kind]),
        [
          ['change', 'route'],
          ['change', 'route'],
        ],
      );
      const { errors } = await repair(changed, [], now);
      assert.deepEqual(errors, []);
      assert.deepEqual((await check(changed, [])).steps, []);
      const found = routes(world.kernel.snapshot());
      assert.equal(found.length, 2, world.kernel.snapshot().join('\n'));
      for (const line of found) assert.match(line, new RegExp(`proto ${number}\\b`));
    }
    await detach(contextWith(withProtocol(200)), tap('tap0'), now);
    assert.deepEqual(routes(world.kernel.snapshot()), []);
  });

  test('a route that somebody else made stays in the way', async () => {
    const { world, contextWith } = await node('tap0');
    await world.ip('link set dev tap0 up');
    await world.ip('route add 192.0.2.5/32 dev tap0 table 993 protocol 187');
    await assert.rejects(attach(contextWith(withProtocol(186)), routed('tap0', 5), now), { exit: 'config' });
  });
});

describe('NICs that were told different things of what they share', () => {
  const via = (name: string, number: number, gateway: string, network = 'public') => {
    const request = routed(name, number, { ips: [`192.0.2.${number}`] });
    return { ...request, network: { name: network, gateway: parseAddress(gateway, 'test') } };
  };
  const gateways = (lines: readonly string[]) =>
    lines.filter(line => /0\.0\.0\.0\/0.* via /.test(line)).map(line => / via (\S+)/.exec(line)?.[1]);

  test('a network that got another gateway: what was said last counts, in whatever order they are', async () => {
    for (const [first, last] of [
      ['tap0', 'tap1'],
      ['tap1', 'tap0'],
    ] as const) {
      const { world, context } = await node('tap0', 'tap1');
      await attach(context, via(first, 5, '192.0.2.1'), now);
      await attach(context, via(last, 6, '192.0.2.9'), now);
      assert.deepEqual((await check(context, [])).steps, [], last);
      await repair(context, [], now);
      assert.deepEqual(gateways(world.kernel.snapshot()), ['192.0.2.9'], last);
    }
  });

  test('two networks of a cluster with one table, told apart only by their NICs: both are named', async () => {
    const { world, contextWith, context } = await node('tap0', 'tap1');
    const ini = '[network shared]\nlink = shared\ntable = 993\nuplink = up0\nsubnet = 192.0.2.0/24\n';
    const apart = contextWith(
      `${ini}${ini.replaceAll('shared', 'split').replaceAll('993', '994').replaceAll('up0', 'up1')}`,
    );
    await attach(apart, { ...via('tap0', 5, '192.0.2.1', 'blue'), link: 'shared' }, now);
    await attach(apart, { ...via('tap1', 6, '192.0.2.9', 'red'), link: 'split' }, now);
    assert.deepEqual((await check(apart, [])).errors, []);
    // Both sections agree; what the cluster says of the two networks does not.
    const one = contextWith(`${ini}${ini.replaceAll('shared', 'split')}`);
    for (const { errors } of [await check(one, []), await repair(one, [], now)]) {
      assert.equal(errors.length, 1, errors.join('\n'));
      assert.equal(errors[0]?.exit, 'config');
      for (const name of ['blue', 'red', 'tap0', '192.0.2.1', '192.0.2.9'])
        assert.ok(
          `${errors[0]?.where} ${errors[0]?.message}`.includes(name),
          `${name}: ${errors[0]?.message}`,
        );
    }
    assert.deepEqual(gateways(world.kernel.snapshot()).slice(0, 1), ['192.0.2.9']);
    assert.deepEqual(context.host.records.list().broken, []);
  });
});
