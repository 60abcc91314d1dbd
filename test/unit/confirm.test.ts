import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VmnetError } from '../../lib/core/errors.ts';
import type { Session, Unconfirmed } from '../../lib/core/model/unconfirmed.ts';
import { parseUnconfirmed } from '../../lib/core/source/unconfirmed.ts';
import { confirmRefusal, isHis, refuseSecond } from '../../lib/run/confirm.ts';

const OLD = '198.51.100.7 50000 198.51.100.1 22';
const NEW = '198.51.100.7 50001 198.51.100.1 22';
const armed: Unconfirmed = {
  version: 1,
  id: 'a08a5c48-1111-2222-3333-444444444444',
  state: 'armed',
  until: '2026-01-02T03:04:05.678Z',
  rollback: ['host', 'restore', '/var/lib/vmnet/before.snapshot'],
  boot: 'this',
  uptime: 5000,
  author: 4710,
  authorSince: 4999,
  connection: OLD,
};
const { connection: _, ...atConsole } = armed;

const CASES: readonly (readonly [
  what: string,
  pending: Unconfirmed | undefined,
  session: Session,
  ok: boolean,
])[] = [
  ['nothing is pending', undefined, { connection: NEW, since: 6000 }, false],
  ['the session that made it', armed, { connection: OLD, since: 100 }, false],
  ['a new shell of the connection that made it', armed, { connection: OLD, since: 6000 }, false],
  ['a connection that was there before', armed, { connection: NEW, since: 4999 }, false],
  ['a new connection', armed, { connection: NEW, since: 5000 }, true],
  ['a console', armed, { since: 0 }, true],
  ['made at a console, confirmed there', atConsole, { since: 0 }, true],
  ['made at a console, confirmed from afar', atConsole, { connection: NEW, since: 6000 }, true],
  ['too late', { ...armed, state: 'undoing' }, { connection: NEW, since: 6000 }, false],
  ['long too late', { ...armed, state: 'undone' }, { connection: NEW, since: 6000 }, false],
  ['of another boot', { ...armed, boot: 'that' }, { connection: NEW, since: 6000 }, false],
];

for (const [what, pending, session, ok] of CASES) {
  test(`confirm: ${what}: ${ok ? 'yes' : 'no'}`, () => {
    const refusal = confirmRefusal(pending, session, 'this');
    assert.equal(refusal?.exit, ok ? undefined : 'request');
  });
}

test('a second change waits for the first, unless that was undone', () => {
  const busy = (error: unknown) => error instanceof VmnetError && error.exit === 'busy';
  assert.throws(() => refuseSecond(armed, 'this'), busy);
  assert.throws(() => refuseSecond(armed, 'that'), busy);
  assert.throws(() => refuseSecond({ ...armed, state: 'undoing' }, 'this'), busy);
  refuseSecond({ ...armed, state: 'undone' }, 'this');
  refuseSecond(undefined, 'this');
});

test('a dead man acts on his own change only, and only while it waits', () => {
  assert.equal(isHis(armed, armed.id), true);
  assert.equal(isHis(armed, 'another'), false);
  assert.equal(isHis({ ...armed, state: 'undone' }, armed.id), false);
  assert.equal(isHis(undefined, armed.id), false);
});

test('what was written is read again, and nothing else', () => {
  const all: Unconfirmed = { ...armed, unit: 'vmnet-rollback-1', pid: 4711 };
  assert.deepEqual(parseUnconfirmed(JSON.stringify(all), 'file'), all);
  assert.deepEqual(parseUnconfirmed(JSON.stringify(atConsole), 'file'), atConsole);
  const broken: readonly object[] = [
    { ...all, version: 2 },
    { ...all, state: 'lost' },
    { ...all, until: 'soon' },
    { ...all, rollback: 'host restore' },
    { ...all, rollback: ['host\nrestore'] },
    { ...all, unit: 'a b' },
    { ...all, pid: 0 },
    { ...all, more: 1 },
    [],
  ];
  for (const one of broken) {
    const text = JSON.stringify(one);
    const isRecord = (error: unknown) => error instanceof VmnetError && error.exit === 'record';
    assert.throws(() => parseUnconfirmed(text, 'file'), isRecord, text);
  }
  assert.throws(() => parseUnconfirmed('{', 'file'), VmnetError);
});
