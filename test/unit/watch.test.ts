import assert from 'node:assert/strict';
import { test } from 'node:test';
import { authorOfNft, carrierOf, concernsIp, concernsNft } from '../../lib/core/watch/event.ts';
import { dueAt, type Fights, fought } from '../../lib/core/watch/fight.ts';
import { AT_REST, type Outcome, paceAfter } from '../../lib/core/watch/pace.ts';

const interest = {
  links: new Set(['tap0', 'up0', 'bond0.993']),
  tables: new Set([993]),
  hostLinks: new Set(['lan0', 'eno1']),
};

const IP_LINES: readonly (readonly [line: string, concerns: boolean])[] = [
  ['[LINK]3: up0@if7: <NO-CARRIER,BROADCAST,MULTICAST,UP,M-DOWN> mtu 1500 qdisc noqueue state DOWN', true],
  ['[LINK]Deleted 3: bond0.993@bond0: <BROADCAST,MULTICAST> mtu 1500 qdisc noop state DOWN group 0', true],
  ['[LINK]9: vethd1@if8: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP', false],
  ['[LINK]9: up01: <BROADCAST,MULTICAST> mtu 1500', false],
  ['[ADDR]Deleted 4: tap0    inet6 fe80::1/64 scope 253 \\       valid_lft forever', true],
  ['[ADDR]2: eth0    inet 192.0.2.9/24 scope 0 eth0\\       valid_lft 3599sec', false],
  ['[ROUTE]Deleted default via 192.0.2.1 dev up0 table 993 proto 118 onlink ', true],
  ['[ROUTE]Deleted 7 default table 993 proto 118 metric 4278198272 ', true],
  ['[ROUTE]unreachable default dev lo table 993 proto 118 metric 4278198272 pref medium', true],
  ['[ROUTE]10.7.0.0/16 via 10.9.9.254 dev mgmt ', false],
  ['[ROUTE]10.7.0.0/16 via 192.0.2.1 dev up0 ', false],
  ['[ROUTE]2 192.0.2.10 dev tap0 table 255 proto 2 scope 254', false],
  ['[ROUTE]10.7.0.0/16 via 192.0.2.1 dev up0 table 12 ', false],
  ['[ROUTE]10.7.0.0/16 dev docker0 table 12 ', false],
  ['[ROUTE]Deleted 203.0.113.0/24 via 192.0.2.1 dev lan0 proto 119 ', true],
  ['[LINK]Deleted 12: lan0: <BROADCAST,MULTICAST> mtu 1500', true],
  ['[LINK]4: eno1@if9: <BROADCAST,MULTICAST> mtu 1500', true],
  ['[ADDR]Deleted 12: lan0    inet 192.0.2.201/24 scope 0 lan0', true],
  ['[NETCONF]inet lan0 forwarding off ', true],
  ['[RULE]Deleted 900:\tfrom all fwmark 0x3e1 lookup 993 proto 2', true],
  ['[NETCONF]inet up0 forwarding off ', true],
  ['[NETCONF]inet6 all forwarding off ', true],
  ['[NETCONF]inet vethd1 forwarding on rp_filter off ', false],
  ['netlink receive error No buffer space available (105)', true],
];

test('a line of ip monitor concerns what recorded NICs lie on', () => {
  for (const [line, concerns] of IP_LINES) assert.equal(concernsIp(line, interest), concerns, line);
});

test('routes of main concern a network whose table main is', () => {
  const main = { links: new Set<string>(), tables: new Set([254]), hostLinks: new Set<string>() };
  assert.equal(concernsIp('[ROUTE]Deleted default via 10.9.9.254 dev mgmt ', main), true);
});

const CARRIERS: readonly (readonly [flags: string, rest: string, up: boolean, moved: boolean])[] = [
  ['NO-CARRIER,BROADCAST,MULTICAST,UP,M-DOWN', 'mtu 1500 state LOWERLAYERDOWN', false, false],
  ['NO-CARRIER,BROADCAST,MULTICAST,UP,LOWER_UP', 'mtu 1500 state LOWERLAYERDOWN', false, false],
  ['BROADCAST,MULTICAST,UP,LOWER_UP', 'mtu 1500 state UP', true, false],
  ['BROADCAST,MULTICAST,UP,LOWER_UP', 'mtu 1500 state UP event BONDING FAILOVER', true, true],
  ['BROADCAST,MULTICAST,UP,LOWER_UP', 'mtu 1500 state UP event NOTIFY PEERS ', true, true],
];

test('a line about a link tells whether it carries frames, and whether they take another way', () => {
  for (const [flags, rest, up, moved] of CARRIERS)
    assert.deepEqual(carrierOf(`[LINK]3: up0@if7: <${flags}> ${rest}`), { ifname: 'up0', up, moved });
  assert.equal(carrierOf('[ADDR]4: tap0    inet6 fe80::1/64 scope 253'), undefined);
});

const NFT_LINES: readonly (readonly [line: string, concerns: boolean])[] = [
  ['delete table inet vmnet', true],
  ['add element netdev vmnet taps { "tap0" }', true],
  ['delete rule arp vmnet input handle 4', true],
  ['delete table inet vmnets', false],
  ['add element inet f2b addr-set-sshd { 198.51.100.7 }', false],
  ['add chain ip vmnet x', false],
  ['# new generation 4 by process 20337 (nft)', false],
  ['# ERROR: We lost some netlink events!', true],
];

test('a line of nft monitor concerns tables of vmnet', () => {
  for (const [line, concerns] of NFT_LINES) assert.equal(concernsNft(line), concerns, line);
  assert.equal(authorOfNft('# new generation 4 by process 20337 (nft)'), 'process 20337 (nft)');
  assert.equal(authorOfNft('delete table inet vmnet'), undefined);
});

/** Somebody undoes each repair at once: the times at which it is put right, from 0 on. */
function duel(times: number): readonly number[] {
  let fights: Fights = new Map();
  let now = 0;
  return Array.from({ length: times }, () => {
    now = dueAt(fights, ['route'], now);
    fights = fought(fights, ['route'], now).fights;
    return now;
  });
}

test('a fight is answered at once, then at doubling intervals up to a minute', () => {
  assert.deepEqual(duel(8), [0, 0, 0, 0, 0, 1000, 3000, 7000]);
  const late = duel(20);
  assert.equal((late[19] ?? 0) - (late[18] ?? 0), 60_000);
});

test('a fight is said once, and forgotten in peace', () => {
  let fights: Fights = new Map();
  const begun = Array.from({ length: 7 }, () => {
    const next = fought(fights, ['route'], 0);
    fights = next.fights;
    return next.begun.length;
  });
  assert.deepEqual(begun, [0, 0, 0, 0, 1, 0, 0]);
  assert.ok(dueAt(fights, ['route'], 0) > 0);
  assert.equal(dueAt(fights, ['route'], 60_000), 60_000);
  assert.deepEqual([...fought(fights, ['rule'], 60_000).fights.keys()], ['rule']);
});

test('what nobody fights about does not wait for what somebody does', () => {
  let fights: Fights = new Map();
  for (let i = 0; i < 9; i += 1) fights = fought(fights, ['route'], 0).fights;
  assert.equal(dueAt(fights, ['route', 'rule'], 1), 1);
});

function ends(kind: 'clean' | 'repaired' | 'busy' | 'failed', times: number): readonly number[] {
  let pace = AT_REST;
  let now = 10_000;
  return Array.from({ length: times }, () => {
    const began = now;
    pace = paceAfter(pace, { kind } as Outcome, began, now);
    const wait = pace.earliest - now;
    now = pace.earliest;
    return wait;
  });
}

test('endless events that lead to nothing cost less and less, and still a look within a second', () => {
  assert.deepEqual(ends('clean', 5), [100, 200, 400, 700, 700]);
  assert.deepEqual(ends('repaired', 3), [100, 100, 100]);
  assert.deepEqual(ends('failed', 5), [1000, 2000, 4000, 8000, 8000]);
});

test('a look that failed, was held or found the locks taken comes again by itself', () => {
  assert.equal(paceAfter(AT_REST, { kind: 'clean' }, 0, 0).again, undefined);
  assert.equal(paceAfter(AT_REST, { kind: 'repaired' }, 0, 0).again, undefined);
  assert.equal(paceAfter(AT_REST, { kind: 'busy' }, 0, 0).again, 100);
  assert.equal(paceAfter(AT_REST, { kind: 'held', until: 4000 }, 0, 0).again, 4000);
  assert.equal(paceAfter(AT_REST, { kind: 'failed' }, 0, 0).again, 1000);
});

test('a failure that lasts costs a look a minute', () => {
  let pace = AT_REST;
  let now = 0;
  const waits = Array.from({ length: 8 }, () => {
    pace = paceAfter(pace, { kind: 'failed' }, now, now);
    const wait = (pace.again ?? 0) - now;
    now = pace.again ?? 0;
    return wait / 1000;
  });
  assert.deepEqual(waits, [1, 2, 4, 8, 16, 32, 60, 60]);
});
