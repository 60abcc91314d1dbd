import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VmnetError } from '../../lib/core/errors.ts';
import { parseAddress } from '../../lib/core/model/address.ts';
import { parseIfname } from '../../lib/core/model/ifname.ts';
import { parseMac } from '../../lib/core/model/mac.ts';
import type { NicRequest } from '../../lib/core/model/request.ts';
import { combineRequests } from '../../lib/core/source/combine.ts';

const TAP = parseIfname('tap0', 'tap');
const MAC = parseMac('aa:00:00:35:6d:01', 'mac');
const [FOUR, SIX] = [parseAddress('192.0.2.9', 'ip'), parseAddress('2001:db8::9', 'ip')];
const BARE: NicRequest = { ifname: TAP, mode: 'routed', addresses: [], tags: [], network: {} };

function combine(...requests: readonly NicRequest[]): NicRequest {
  const [first = { where: '', request: BARE }, ...others] = requests.map((request, i) => ({
    where: `source ${i}`,
    request,
  }));
  return combineRequests(first, others);
}

test('what one leaves open another tells', () => {
  const file: NicRequest = { ...BARE, tags: ['a', 'b'], network: { name: 'public' } };
  const live: NicRequest = {
    ...BARE,
    instance: 'web1',
    mac: MAC,
    addresses: [FOUR, SIX],
    nic: { index: 1 },
    network: { uuid: 'u' },
  };
  const both = { ...live, tags: ['a', 'b'], network: { name: 'public', uuid: 'u' } };
  assert.deepEqual(combine(file), file);
  assert.deepEqual(combine(file, live), both);
  assert.deepEqual(combine(live, file), both);
  assert.deepEqual(combine(live, both, file), both);
  const turned = { ...both, addresses: [SIX, FOUR], tags: ['b', 'a'] };
  assert.deepEqual(combine(both, turned), both);
  assert.deepEqual(combine(live, { ...BARE, nic: { name: 'eth0' } }).nic, { index: 1, name: 'eth0' });
});

test('a contradiction names the field and both who say it', () => {
  const full: NicRequest = {
    ...BARE,
    instance: 'web1',
    mac: MAC,
    link: 'public_993',
    vlan: '.10',
    addresses: [FOUR],
    tags: ['a'],
    nic: { index: 0 },
    network: { name: 'public', gateway: FOUR },
  };
  const table: [string, Partial<NicRequest>][] = [
    ['mode', { mode: 'bridged' }],
    ['instance', { instance: 'web2' }],
    ['mac', { mac: parseMac('aa:00:00:35:6d:02', 'mac') }],
    ['link', { link: 'br0' }],
    ['vlan', { vlan: '.11' }],
    ['addresses', { addresses: [SIX] }],
    ['addresses', { addresses: [FOUR, SIX] }],
    ['tags', { tags: ['b'] }],
    ['NIC index', { nic: { index: 1 } }],
    ['network name', { network: { name: 'other' } }],
    ['network gateway', { network: { gateway: parseAddress('192.0.2.2', 'gateway') } }],
  ];
  for (const [field, change] of table) {
    for (const [one, other] of [
      [full, { ...full, ...change }],
      [{ ...full, ...change }, full],
    ] as const) {
      assert.throws(
        () => combine(one, other),
        (error: unknown) => {
          assert.ok(error instanceof VmnetError, String(error));
          assert.equal(error.exit, 'request');
          assert.equal(error.where, 'tap0');
          assert.ok(error.message.startsWith(`${field} `), error.message);
          assert.match(error.message, /source 0.*source 1/);
          return true;
        },
        field,
      );
    }
  }
});
