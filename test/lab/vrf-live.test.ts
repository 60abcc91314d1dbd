// A management port becomes one of a VRF while somebody works on it, and leaves it again: in both families.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ip } from '../support/command.ts';
import {
  CLIENT,
  client,
  defaultsOf,
  GATEWAY,
  HOST,
  host,
  inLiveScene,
  NEW,
  OLD,
  pings,
  skip,
  stateOfHost,
  succeeds,
  vmnet,
} from './vrf-live-scene.ts';
import { asks, goOn, openSessions } from './vrf-live-sessions.ts';

const INI = '[vrf mgmt]\nports = eth0\n';

inLiveScene();

test('sessions go on through the conversion, and back', { skip }, async () => {
  const was = await stateOfHost();
  const sessions = await openSessions();
  const { stdout } = await succeeds(INI, ['vrf', 'up', 'mgmt', '--json'], OLD);
  assert.ok(JSON.parse(stdout).gapMs > 0);
  await goOn(sessions);
  for (const session of sessions) assert.ok(session.read().gap < 5, String(session.read().gap));
  assert.deepEqual(await defaultsOf(4, 'main'), ['10.8.0.1 eth1']);
  assert.deepEqual(await defaultsOf(6, 'main'), ['2001:db8:8::1 eth1']);
  assert.deepEqual(await defaultsOf(4, '1001'), [`${GATEWAY[0]} eth0`, 'unreachable']);
  assert.deepEqual(await defaultsOf(6, '1001'), [`${GATEWAY[1]} eth0`, `${GATEWAY[1]} eth0`, 'unreachable']);
  for (const [index, address] of HOST.entries()) {
    assert.ok(await asks(client, address), `a new session to ${address}`);
    assert.ok(await asks(host, CLIENT[index] ?? '', 'mgmt'), `a new session in the VRF to ${CLIENT[index]}`);
  }
  for (const address of ['10.8.0.2', '2001:db8:8::2'])
    assert.ok(await asks(client, address), `a new session to ${address}, outside of the VRF`);
  assert.equal((await vmnet(INI, ['vrf', 'confirm'], OLD)).exitCode, 65);
  await succeeds(INI, ['vrf', 'confirm'], NEW);
  const now = await stateOfHost();
  const again = await succeeds(INI, ['vrf', 'up', 'mgmt', '--json'], OLD);
  assert.equal(JSON.parse(again.stdout).changes, 0, again.stdout);
  await succeeds(INI, ['host', 'check']);
  assert.equal(await stateOfHost(), now);
  // As the hook of a lease does: it goes with the VRF.
  await ip(
    host,
    ...'rule add pref 890 to 10.0.0.9 ipproto udp dport 67 lookup 1001 protocol kernel'.split(' '),
  );
  await succeeds(INI, ['host', 'check']);
  await succeeds(INI, ['vrf', 'down', 'mgmt', '--no-confirm']);
  assert.equal(await stateOfHost(), was);
  await goOn(sessions);
});

test('scope = lan: the segment answers, and nothing behind its gateway', { skip }, async () => {
  const was = await stateOfHost();
  await succeeds(`${INI}scope = lan\n`, ['vrf', 'up', 'mgmt', '--no-confirm']);
  for (const family of [0, 1] as const) {
    assert.ok(await pings(GATEWAY[family]), GATEWAY[family]);
    assert.equal(await pings(CLIENT[family]), false, CLIENT[family]);
  }
  assert.deepEqual(await defaultsOf(4, '1001'), ['unreachable']);
  assert.deepEqual(await defaultsOf(6, '1001'), ['unreachable']);
  await succeeds(`${INI}scope = lan\n`, ['vrf', 'down', 'mgmt', '--no-confirm']);
  assert.equal(await stateOfHost(), was);
});

test('leak: programs outside reach a subnet through the VRF', { skip }, async () => {
  const ini = `${INI}leak = 203.0.113.0/24 2001:db8:ffff::/64\naccept = tcp\n`;
  const was = await stateOfHost();
  await succeeds(ini, ['vrf', 'up', 'mgmt', '--no-confirm']);
  for (const address of CLIENT) {
    assert.match(await ip(host, 'route', 'get', address), / dev mgmt /);
    assert.ok(await asks(host, address), address);
  }
  await succeeds(ini, ['vrf', 'down', 'mgmt', '--no-confirm']);
  assert.equal(await stateOfHost(), was);
});
