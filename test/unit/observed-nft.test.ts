// What `nft -j list ruleset` printed on a real kernel, read as objects.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { filterBase } from '../../lib/core/desired/filter.ts';
import { contentOf, keyOf, textOf } from '../../lib/core/model/object.ts';
import { type NftDocument, readRuleset } from '../../lib/core/observed/nft.ts';

const document: NftDocument = JSON.parse(
  readFileSync(join(import.meta.dirname, '../fixtures/kernel/nft.json'), 'utf8'),
);
const objects = readRuleset(document);

test('tables, sets, maps and chains are what was asked for', () => {
  const found = new Map(objects.map(object => [keyOf(object), contentOf(object)]));
  for (const wanted of filterBase()) assert.equal(found.get(keyOf(wanted)), contentOf(wanted), keyOf(wanted));
});

test('elements of sets and maps, with one part or two, of both families', () => {
  const elements = objects.filter(object => object.kind === 'nft-element').map(textOf);
  assert.deepEqual(elements.sort(), [
    'nft-element arp group_gateway 994 : 198.51.100.1',
    'nft-element arp group_mark4 994 : 994',
    'nft-element arp uplink_mark4 up1 : 994',
    'nft-element inet group_mark4 994 : 994',
    'nft-element inet group_mark6 994 : 1994',
    'nft-element inet tap_source4 tap0 . 198.51.100.5',
    'nft-element inet tap_source6 tap0 . 2001:db8:994::5',
    'nft-element inet tap_source6 tap0 . fe80::a800:ff:fe35:6d05',
    'nft-element inet taps tap0',
    'nft-element inet uplink_mark4 up1 : 994',
    'nft-element inet uplink_mark6 up6 : 1994',
  ]);
});

test('of NICs, only what their names or addresses ask for', () => {
  const rows = [
    { taps: ['tap0'], addresses: [], found: 4 },
    { taps: ['tap9'], addresses: ['198.51.100.5'], found: 1 },
    { taps: ['tap9'], addresses: ['2001:db8:994::5'], found: 1 },
    { taps: ['tap9'], addresses: [], found: 0 },
  ];
  for (const { taps, addresses, found } of rows) {
    const owners = { taps: new Set(taps), addresses: new Set(addresses) };
    const of = readRuleset(document, owners).filter(
      object => object.kind === 'nft-element' && object.set.startsWith('tap'),
    );
    assert.equal(of.length, found, `${taps} ${addresses}`);
    assert.equal(
      readRuleset(document, owners).filter(object => object.kind !== 'nft-element').length,
      objects.filter(object => object.kind !== 'nft-element').length,
    );
  }
});

test('a rule that somebody else put into our chain shows', () => {
  const chain = { family: 'inet', table: 'vmnet', chain: 'prerouting' };
  const entries = [...(document.nftables ?? []), { rule: { ...chain, expr: [] } }];
  const own = objects.find(object => keyOf(object) === 'nft-chain inet prerouting');
  const found = readRuleset({ nftables: entries }).find(
    object => keyOf(object) === 'nft-chain inet prerouting',
  );
  assert.ok(own !== undefined && found !== undefined);
  assert.notEqual(contentOf(found), contentOf(own));
});

test('nothing at all, and the tables of others, are nothing', () => {
  const other = { family: 'inet', table: 'other', name: 'taps', type: 'ifname', elem: ['tap0'] };
  const rows: readonly NftDocument[] = [
    {},
    { nftables: [] },
    { nftables: [{ metainfo: { version: '1.0.6' } }] },
    { nftables: [{ table: { family: 'inet', name: 'other' } }, { set: other }] },
    {
      nftables: [{ table: { family: 'ip', name: 'vmnet' } }, { table: { family: 'bridge', name: 'vmnet' } }],
    },
  ];
  for (const row of rows) assert.deepEqual(readRuleset(row), [], JSON.stringify(row));
});
