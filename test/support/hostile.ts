import assert from 'node:assert/strict';
import { VmnetError } from '../../lib/core/errors.ts';

/** Refused as a bad request, at the place that was given, with the text that was refused. */
export function refused(parse: () => unknown, text: string): void {
  assert.throws(parse, (error: unknown) => {
    assert.ok(error instanceof VmnetError, text);
    assert.equal(error.exit, 'request', text);
    assert.equal(error.where, 'here', text);
    assert.doesNotMatch(error.message, /[\n\0]/, text);
    return true;
  });
}

/** What may never pass as a name, an address or a number. */
export const HOSTILE = [
  '',
  ' ',
  'a\nb',
  'a b',
  '"',
  "'",
  ';',
  '-x',
  '$(x)',
  '`x`',
  'a/b',
  '..',
  'a\0',
  'é',
  'x'.repeat(5000),
];
