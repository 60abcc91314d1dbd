import assert from 'node:assert/strict';
import { test } from 'node:test';
import { figuresOf, overOf, type Row, tableOf } from '../bench/rows.ts';

const row = (more: Partial<Row>): Row => ({ section: 's', what: 'w', unit: 'ns', values: [17], ...more });

const VERDICTS: readonly (readonly [string, Partial<Row>, string])[] = [
  ['a ratio at its budget', { base: [10], budget: 1.7 }, 'ok'],
  ['a ratio above it', { base: [9.9], budget: 1.7 }, 'OVER'],
  ['the medians count, not one slow run', { values: [17, 17, 99], base: [10, 1, 10], budget: 1.7 }, 'ok'],
  ['a figure without a base', { budget: 16 }, 'OVER'],
  ['nothing was measured', { values: [], base: [10], budget: 1.7 }, 'OVER'],
  ['nothing to compare with', { base: [], budget: 1.7 }, 'OVER'],
  ['no budget', { base: [1] }, ''],
];

for (const [name, more, verdict] of VERDICTS) {
  test(`verdict: ${name}`, () => {
    const figures = [figuresOf(row(more))];
    const printed = tableOf(figures).match(/\b(ok|OVER)\b/)?.[0] ?? '';
    assert.equal(printed, verdict);
    assert.equal(overOf(figures).length, verdict === 'OVER' ? 1 : 0);
  });
}
