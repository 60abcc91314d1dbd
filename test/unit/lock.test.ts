import assert from 'node:assert/strict';
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { after, afterEach, beforeEach, describe, it } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { VmnetError } from '../../lib/core/errors.ts';
import { acquire, type LockMode } from '../../lib/host/lock.ts';

const PROGRAM = join(import.meta.dirname, '../support/programs/lock.ts');
const root = mkdtempSync(join(tmpdir(), 'vmnet-lock-'));
let count = 0;
let dir = '';
const running = new Set<ChildProcessByStdio<Writable, Readable, null>>();

beforeEach(() => {
  count += 1;
  dir = join(root, String(count), 'locks');
});
afterEach(() => {
  for (const child of running) child.kill('SIGKILL');
});
after(() => rmSync(root, { recursive: true }));

/** A process that takes a lock; `next` is its next line, undefined at its end. */
function contender(mode: LockMode, timeoutMs: number, hold: number | 'stdin', name = 'tap0', rounds = 1) {
  const args = [PROGRAM, dir, name, mode, String(timeoutMs), String(hold), String(rounds)];
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  running.add(child);
  child.once('close', () => running.delete(child));
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  return { child, next: async () => (await lines.next()).value as string | undefined };
}

async function holder(mode: LockMode, name?: string) {
  const one = contender(mode, 5000, 'stdin', name);
  assert.match((await one.next()) ?? '', /^held /);
  return one;
}

describe('a lock that another process holds', () => {
  const table: { held: LockMode; wanted: LockMode; name?: string; free: boolean }[] = [
    { held: 'exclusive', wanted: 'exclusive', free: false },
    { held: 'exclusive', wanted: 'shared', free: false },
    { held: 'shared', wanted: 'exclusive', free: false },
    { held: 'shared', wanted: 'shared', free: true },
    { held: 'exclusive', wanted: 'exclusive', name: 'tap1', free: true },
  ];
  for (const { held, wanted, name, free } of table) {
    it(`${held}, wanted ${wanted}${name === undefined ? '' : ' of another name'}: ${free ? 'free' : 'busy'}`, async () => {
      const other = await holder(held);
      const take = () => acquire(dir, name ?? 'tap0', wanted, 60);
      if (free) take().release();
      else {
        assert.throws(take, (error: VmnetError) => {
          assert.equal(error.exit, 'busy');
          assert.equal(error.where, join(dir, 'tap0.lock'));
          // The holder is named.
          assert.match(error.hint ?? '', new RegExp(`\\b${other.child.pid}\\b`));
          return true;
        });
      }
      other.child.stdin.end();
      assert.match((await other.next()) ?? '', /^released /);
      acquire(dir, 'tap0', 'exclusive', 1000).release();
    });
  }
});

it('excludes within one process too, and release may be called twice', () => {
  const first = acquire(dir, 'host', 'shared', 50);
  const second = acquire(dir, 'host', 'shared', 50);
  assert.throws(() => acquire(dir, 'host', 'exclusive', 20), { exit: 'busy' });
  second.release();
  second.release();
  // Closing one of them must not have ended the other's.
  assert.throws(() => acquire(dir, 'host', 'exclusive', 20), { exit: 'busy' });
  first.release();
  acquire(dir, 'host', 'exclusive', 20).release();
});

for (const mode of ['exclusive', 'shared'] as const) {
  it(`is free at once when the holder of a ${mode} one is killed`, async () => {
    const other = await holder(mode);
    const waiting = contender('exclusive', 10_000, 0);
    // Long enough for it to start and wait.
    await setTimeout(400);
    const killed = Number(process.hrtime.bigint()) / 1e6;
    other.child.kill('SIGKILL');
    const [word, at] = ((await waiting.next()) ?? '').split(' ');
    assert.equal(word, 'held');
    assert.ok(Number(at) > killed, 'it did not wait');
    assert.ok(Number(at) - killed < 1000, `it came after ${Number(at) - killed} ms`);
  });
}

it('goes to every one of 20 contenders, one at a time', async () => {
  const lock = await holder('exclusive', 'host');
  const contenders = Array.from({ length: 20 }, () => contender('exclusive', 30_000, 5, 'host'));
  const turns = contenders.map(async one => {
    const [held, from] = ((await one.next()) ?? '').split(' ');
    const [released, to] = ((await one.next()) ?? '').split(' ');
    assert.deepEqual([held, released], ['held', 'released']);
    return { from: Number(from), to: Number(to) };
  });
  lock.child.stdin.end();
  const order = (await Promise.all(turns)).toSorted((a, b) => a.from - b.from);
  for (const [i, turn] of order.slice(1).entries())
    assert.ok(turn.from >= order[i]!.to, `turn ${i + 1} overlaps`);
});

it('lets a writer in between readers that overlap all the time', async () => {
  const readers = Array.from({ length: 5 }, () => contender('shared', 10_000, 60, 'tap0', 40));
  const started = await Promise.all(readers.map(reader => reader.next()));
  for (const line of started) assert.match(line ?? '', /^held /);
  const [word, at] = ((await contender('exclusive', 10_000, 0).next()) ?? '').split(' ');
  assert.equal(word, 'held');
  const lasts = readers.map(async reader => {
    let last = '';
    for (let line = await reader.next(); line !== undefined; line = await reader.next()) last = line;
    return Number(last.replace('released ', ''));
  });
  for (const last of await Promise.all(lasts))
    assert.ok(Number(at) < last - 300, `held at ${at}, a reader ended at ${last}`);
});

for (const umask of [0o000, 0o077]) {
  it(`makes files for root alone under umask ${umask.toString(8).padStart(3, '0')}`, () => {
    const before = process.umask(umask);
    try {
      acquire(dir, 'host', 'shared', 100).release();
    } finally {
      process.umask(before);
    }
    assert.equal(statSync(dir).mode & 0o777, 0o700);
    assert.equal(statSync(join(dir, 'host.lock')).mode & 0o777, 0o600);
    acquire(dir, 'host', 'exclusive', 100).release();
  });
}

it('writes nothing to standard error, and leaves other warnings alone', async () => {
  const code = `
    import { acquire } from ${JSON.stringify(join(import.meta.dirname, '../../lib/host/lock.ts'))};
    acquire(${JSON.stringify(dir)}, 'host', 'shared', 100).release();
    process.emitWarning('of another', 'ExperimentalWarning');`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const errors = (await child.stderr.setEncoding('utf8').toArray()).join('');
  assert.match(errors, /ExperimentalWarning: of another/);
  assert.doesNotMatch(errors, /SQLite/);
});

it('says where when the directory cannot be had', () => {
  assert.throws(
    () => acquire('/dev/null/locks', 'host', 'shared', 10),
    (error: VmnetError) => {
      assert.ok(error instanceof VmnetError);
      assert.equal(error.exit, 'record');
      assert.equal(error.where, '/dev/null/locks/host.lock');
      return true;
    },
  );
});
