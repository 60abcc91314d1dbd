// Whoever leaves stops speaking for the guest first: another node may answer for it from now on.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DETACHES, undisturbed } from '../support/faults.ts';

for (const one of DETACHES) {
  test(`${one.name}: proxies and routes go before anything of the filter`, async () => {
    const { operations } = await undisturbed(one);
    const texts = operations.map(({ kind, text }) => `${kind} ${text}`);
    const withdrawn = texts.flatMap((text, i) => (/^ip.*\b(neigh|route) del/.test(text) ? [i] : []));
    const opened = texts.findIndex(text => text.startsWith('nft '));
    assert.ok(opened >= 0, texts.join('\n'));
    if (one.request.mode === 'routed' && one.request.phase === undefined) assert.ok(withdrawn.length > 0);
    assert.deepEqual(
      withdrawn.filter(i => i > opened),
      [],
      texts.join('\n'),
    );
  });
}
