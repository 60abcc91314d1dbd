// A conversion that cuts its author off takes itself back.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  client,
  defaultsOf,
  directory,
  HOST,
  inLiveScene,
  NEW,
  OLD,
  skip,
  stateOfHost,
  succeeds,
  vmnet,
} from './vrf-live-scene.ts';
import { asks, goOn, openSessions } from './vrf-live-sessions.ts';

const INI = '[vrf mgmt]\nports = eth0\n';
const WRONG = `${INI}gateway = 10.0.0.99\ngateway6 = 2001:db8::99\n`;

inLiveScene();

function pendingState(): string | undefined {
  const file = join(directory, 'state/lasting/unconfirmed.json');
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).state : undefined;
}

async function undone(): Promise<void> {
  for (let turn = 0; turn < 600 && pendingState() !== 'undone'; turn += 1) await sleep(200);
  assert.equal(pendingState(), 'undone');
}

test('with a wrong gateway nobody confirms it: it is as before, and the old sessions go on', {
  skip,
}, async () => {
  const was = await stateOfHost();
  const sessions = await openSessions();
  await succeeds(WRONG, ['vrf', 'up', 'mgmt', '--confirm', '5'], OLD);
  assert.deepEqual(await defaultsOf(4, '1001'), ['10.0.0.99 eth0', 'unreachable']);
  assert.deepEqual(await defaultsOf(6, '1001'), ['2001:db8::99 eth0', 'unreachable']);
  const cut = sessions.map(session => session.read().heard);
  await undone();
  assert.equal(await stateOfHost(), was);
  await goOn(sessions);
  assert.deepEqual(
    sessions.map((session, index) => session.read().heard > (cut[index] ?? 0)),
    [true, true],
  );
  assert.equal((await vmnet(WRONG, ['vrf', 'confirm'], NEW)).exitCode, 65);
  // What nobody has confirmed is not made at a boot either: what was before is.
  assert.equal((await vmnet(WRONG, ['confirm', '--at-boot'])).exitCode, 75);
  assert.equal(await stateOfHost(), was);
  await succeeds(WRONG, ['confirm', '--force']);
  // Corrected, it may be tried again, and be taken back at once.
  await succeeds(INI, ['vrf', 'up', 'mgmt', '--confirm', '60'], OLD);
  for (const address of HOST) assert.ok(await asks(client, address));
  await succeeds(INI, ['vrf', 'confirm', '--undo'], OLD);
  assert.equal(await stateOfHost(), was);
  await goOn(sessions);
  await succeeds(INI, ['confirm', '--force'], OLD);
});
