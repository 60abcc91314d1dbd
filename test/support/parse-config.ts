import assert from 'node:assert/strict';
import { VmnetError } from '../../lib/core/errors.ts';
import type { Config } from '../../lib/core/model/config.ts';
import { parseConfig } from '../../lib/core/source/config.ts';
import { parseRtTables } from '../../lib/core/source/rt-tables.ts';
export const TABLES = parseRtTables(['993 public_993\n994 other\n']);

export function parse(...texts: readonly string[]): Config {
  return parseConfig(
    texts.map((text, index) => ({ path: `${'ab'[index]}.ini`, text })),
    TABLES,
  );
}

/** Refused as configuration, at the place, naming what `says` asks for in the message or the hint. */
export function refused(texts: string | readonly string[], where: string, says: RegExp): void {
  const all = typeof texts === 'string' ? [texts] : texts;
  assert.throws(
    () => parse(...all),
    (error: unknown) => {
      assert.ok(error instanceof VmnetError, String(error));
      assert.equal(error.exit, 'config', error.message);
      assert.equal(error.where, where, `${all}: ${error.message}`);
      assert.match(`${error.message} ${error.hint}`, says);
      return true;
    },
    all.join('\n---\n').slice(0, 300),
  );
}
