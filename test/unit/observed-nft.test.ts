// What `nft -n -j` printed on a real kernel, read as objects.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { filterBase } from '../../lib/core/desired/filter.ts';
import { NFT_FAMILIES } from '../../lib/core/model/nft.ts';
import { contentOf, type KernelObject, keyOf, textOf } from '../../lib/core/model/object.ts';
import { complaintOf, type NftDocument, readTables } from '../../lib/core/observed/nft.ts';

const document: NftDocument = JSON.parse(
  readFileSync(join(import.meta.dirname, '../fixtures/kernel/nft.json'), 'utf8'),
);

function read(from: NftDocument, taps?: ReadonlySet<string>): readonly KernelObject[] {
  return NFT_FAMILIES.flatMap(family => readTables(from, { family }, taps));
}

const objects = read(document);

test('tables, sets, maps and chains are what was asked for', () => {
  const found = new Map(objects.map(object => [keyOf(object), contentOf(object)]));
  for (const wanted of [...filterBase('routed'), ...filterBase('bridged')])
    assert.equal(found.get(keyOf(wanted)), contentOf(wanted), keyOf(wanted));
});

test('elements of sets and maps, with one part or two, of both families', () => {
  const elements = objects.filter(object => object.kind === 'nft-element').map(textOf);
  assert.deepEqual(elements.sort(), [
    'nft-element arp group_gateway 994 : 198.51.100.1',
    'nft-element arp uplink_mark4 up1 : 994',
    'nft-element bridge taps tap1',
    'nft-element inet group_host_access 994',
    'nft-element inet taps tap0',
    'nft-element inet uplink_mark4 up1 : 994',
    'nft-element inet uplink_mark6 up6 : 1994',
  ]);
});

test('of elements with ranges, prefixes and verdicts', () => {
  const table = { family: 'inet', name: 'vmnet', table: 'vmnet' };
  const entries = [
    { table },
    {
      map: {
        ...table,
        name: 'tap_firewall',
        type: 'ifname',
        map: 'verdict',
        elem: [['tap0', { goto: { target: 'firewall-limited' } }]],
      },
    },
    {
      set: {
        ...table,
        name: 'tap_peers',
        type: ['ifname', 'ether_addr'],
        flags: ['interval'],
        elem: [{ concat: ['tap0', { range: ['aa:00:10:00:00:00', 'aa:00:10:ff:ff:ff'] }] }],
      },
    },
    {
      set: {
        ...table,
        name: 'tap_whitelist6',
        type: ['ifname', 'ipv6_addr'],
        flags: ['interval'],
        elem: [{ concat: ['tap1', { prefix: { addr: '2001:db8::', len: 32 } }] }],
      },
    },
  ];
  assert.deepEqual(read({ nftables: entries }).map(textOf), [
    'nft-table inet',
    'nft-set inet tap_firewall ifname : verdict',
    'nft-element inet tap_firewall tap0 : goto firewall-limited',
    'nft-set inet tap_peers ifname . ether_addr interval',
    'nft-element inet tap_peers tap0 . aa:00:10:00:00:00-aa:00:10:ff:ff:ff',
    'nft-set inet tap_whitelist6 ifname . ipv6_addr interval',
    'nft-element inet tap_whitelist6 tap1 . 2001:db8::/32',
  ]);
  const [only] = read({ nftables: entries }, new Set(['tap0'])).filter(
    object => object.kind === 'nft-element' && object.set === 'tap_firewall',
  );
  assert.ok(only !== undefined);
});

test('of NICs, only what their names ask for', () => {
  for (const [tap, found] of [
    ['tap0', 1],
    ['tap1', 1],
    ['tap9', 0],
  ] as const) {
    const some = read(document, new Set([tap]));
    const elements = some.filter(object => object.kind === 'nft-element' && object.set.startsWith('tap'));
    assert.equal(elements.length, found, tap);
    assert.equal(
      some.filter(object => object.kind !== 'nft-element').length,
      objects.filter(object => object.kind !== 'nft-element').length,
    );
  }
});

test('the names of chains alone tell that the table is there, and whose chains', () => {
  const found = readTables(document, { family: 'netdev', there: true }).map(keyOf);
  for (const key of ['nft-table netdev', 'nft-chain netdev from-tap0', 'nft-chain netdev from-tap1'])
    assert.ok(found.includes(key), key);
  assert.deepEqual(readTables({ nftables: [] }, { family: 'netdev', there: true }), []);
});

test('a rule that somebody else put into our chain shows', () => {
  const chain = { family: 'inet', table: 'vmnet', chain: 'prerouting' };
  const entries = [...(document.nftables ?? []), { rule: { ...chain, expr: [] } }];
  const own = objects.find(object => keyOf(object) === 'nft-chain inet prerouting');
  const found = read({ nftables: entries }).find(object => keyOf(object) === 'nft-chain inet prerouting');
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
      nftables: [{ table: { family: 'ip', name: 'vmnet' } }, { table: { family: 'bridge', name: 'other' } }],
    },
  ];
  for (const row of rows) assert.deepEqual(read(row), [], JSON.stringify(row));
});

test('that something is not there is an answer, and what else goes wrong is none', () => {
  const gone =
    'Error: No such file or directory\nlist chain netdev vmnet from-tap0\n                  ^^^^^\n';
  const near =
    'Error: No such file or directory; did you mean table ‘vmnet’ in family inet?\nlist table ip vmnet\n';
  assert.equal(complaintOf(''), undefined);
  assert.equal(
    complaintOf(`${gone}${near}# Warning: table ip nat is managed by iptables-nft, do not touch!\n`),
    undefined,
  );
  for (const error of [
    'Error: Could not process rule: Operation not supported',
    'Error: syntax error, unexpected newline, expecting string',
    'netlink: Error: cache initialization failed: Operation not permitted',
    'netlink: Error: cache initialization failed: No buffer space available',
    'Operation not permitted (you must be root)',
  ])
    assert.equal(complaintOf(`${gone}${error}\nlist table bridge vmnet\n${gone}`), error);
});
