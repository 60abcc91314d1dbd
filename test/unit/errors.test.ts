import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asVmnetError, EXIT, formatError, quoted, VmnetError } from '../../lib/core/errors.ts';

test('an error is one line, whatever is in it', () => {
  const rows: readonly (readonly [VmnetError, string])[] = [
    [new VmnetError('request', 'bad'), 'bad'],
    [new VmnetError('request', 'bad', { where: 'tap0' }), 'tap0: bad'],
    [new VmnetError('request', 'bad', { hint: 'do this' }), 'bad; do this'],
    [new VmnetError('request', 'a\nb', { where: 'x\r\ny', hint: 'c\u001b[31md' }), 'x y: a b; c [31md'],
  ];
  for (const [error, line] of rows) assert.equal(formatError(error), line);
});

test('what others wrote is quoted, and short', () => {
  assert.equal(quoted('a"b\n'), '"a\\"b\\n"');
  assert.ok(quoted('x'.repeat(10_000)).length < 100);
});

test('what is thrown and is no error of ours is a bug', () => {
  const own = new VmnetError('busy', 'wait');
  assert.equal(asVmnetError(own), own);
  for (const thrown of [new TypeError('oops'), 'oops']) {
    const error = asVmnetError(thrown);
    assert.equal(error.exit, 'bug');
    assert.match(error.message, /oops/);
    assert.equal(error.cause, thrown);
    assert.doesNotMatch(formatError(error), /\n/);
  }
});

test('exit codes are those of sysexits, each its own', () => {
  const codes = Object.entries(EXIT);
  assert.equal(new Set(codes.map(([, code]) => code)).size, codes.length);
  for (const [name, code] of codes)
    assert.ok(code >= 64 || ['ok', 'drift'].includes(name), `${name} ${code}`);
});
