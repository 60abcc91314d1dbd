import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isSameNode } from '../../lib/core/source/node-name.ts';

describe('the names of nodes', () => {
  const rows: readonly (readonly [string, string, boolean])[] = [
    ['node1.a.example.org', 'node1.a.example.org', true],
    ['node1.a.example.org', 'Node1.A.example.org.', true],
    ['node1.a.example.org', 'node1.b.example.org', false],
    ['node1.a', 'node1.a.example.org', true],
    ['node1.a.example.org', 'node1', true],
    ['node1', 'node1', true],
    ['node1.a.example.org', 'node2', false],
    ['node1.a.example.org', 'node10.a.example.org', false],
    ['', 'node1', false],
  ];
  for (const [one, other, same] of rows) {
    test(`${one} and ${other}`, () => {
      assert.equal(isSameNode(one, other), same);
      assert.equal(isSameNode(other, one), same);
    });
  }
});
