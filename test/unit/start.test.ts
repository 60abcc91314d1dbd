import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { createHost } from '../../lib/host/host.ts';
import type { IpSession } from '../../lib/host/iproute2.ts';
import { lockKey, lockNow, type Started } from '../../lib/host/start.ts';

const dir = mkdtempSync(join(tmpdir(), 'vmnet-start-'));
after(() => rmSync(dir, { recursive: true }));

/** A run that has begun with this lock of the host, and what it has open. */
function begun(mode: 'shared' | 'exclusive') {
  const open = new Set(['four', 'six']);
  const session = (name: string): IpSession => ({
    exchange: () => assert.fail('nobody asks'),
    close: () => void open.delete(name),
  });
  const locks = new Map([[lockKey('host', mode), lockNow(dir, 'host', mode, 100)]]);
  const started: Started = {
    stateDir: dir,
    locks,
    ip: { four: session('four'), six: session('six') },
    filter: { queries: [], objects: Promise.resolve([]) },
  };
  return { open, started, host: createHost(dir, started) };
}

test('who waits to be alone forgets what was read before, and ends the sessions that remember links', () => {
  const { open, started, host } = begun('shared');
  host.lock('host', 'exclusive', 100).release();
  assert.deepEqual([...open], []);
  assert.deepEqual([started.ip, started.filter], [undefined, undefined]);
});

test('the same, whose shared lock was taken over by then', () => {
  const { open, host } = begun('shared');
  host.lock('host', 'shared').release();
  assert.deepEqual([...open], ['four', 'six']);
  host.lock('host', 'exclusive', 100).release();
  assert.deepEqual([...open], []);
});

test('who is alone already goes on with what it has', () => {
  const { open, started, host } = begun('exclusive');
  host.lock('host', 'exclusive', 0).release();
  assert.deepEqual([...open], ['four', 'six']);
  assert.ok(started.filter);
  host.close();
});
