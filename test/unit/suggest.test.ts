import assert from 'node:assert/strict';
import { test } from 'node:test';
import { editDistance, hintFor, nearest } from '../../lib/core/source/suggest.ts';

test('edit distance', () => {
  const table: [string, string, number][] = [
    ['', '', 0],
    ['', 'abc', 3],
    ['abc', '', 3],
    ['table', 'table', 0],
    ['tabel', 'table', 1],
    ['tble', 'table', 1],
    ['ttable', 'table', 1],
    ['tavle', 'table', 1],
    ['kitten', 'sitting', 3],
    ['ab', 'ba', 1],
    ['ca', 'abc', 3],
  ];
  for (const [a, b, distance] of table) {
    assert.equal(editDistance(a, b), distance, `${a} ${b}`);
    assert.equal(editDistance(b, a), distance, `${b} ${a}`);
  }
});

test('nearest word, only when it is near enough', () => {
  const keys = ['mode', 'link', 'table', 'table6', 'uplink', 'uplink6', 'subnet', 'gateway', 'arp-source'];
  const table: [string, string | undefined][] = [
    ['uplnik', 'uplink'],
    ['gatewy', 'gateway'],
    ['Gateway', 'gateway'],
    ['tabel', 'table'],
    ['table5', 'table'],
    ['arpsource', 'arp-source'],
    ['arp_source', 'arp-source'],
    ['colour', undefined],
    ['x', undefined],
    ['', undefined],
    ['u'.repeat(1_000_000), undefined],
  ];
  for (const [word, expected] of table) assert.equal(nearest(word, keys), expected, word.slice(0, 20));
  assert.equal(nearest('mode', []), undefined);
});

test('a hint names the near word, or every valid one', () => {
  assert.match(hintFor('brige', ['bond', 'bridge']), /bridge/);
  assert.doesNotMatch(hintFor('brige', ['bond', 'bridge']), /bond/);
  assert.match(hintFor('qqqqqq', ['bond', 'bridge']), /bond.*bridge/);
});
