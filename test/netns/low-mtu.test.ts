// The kernel takes IPv4 from a link whose MTU is below 68, and with it all that /proc/sys has of it; it is a link still.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { ip, missingForNamespaces, must, run } from '../support/command.ts';

const PROGRAM = join(import.meta.dirname, '../support/programs/links.ts');

test('links with an MTU below 68 are seen', { skip: missingForNamespaces() ?? false }, async () => {
  const place = { ns: `vmnet-low-mtu-${process.pid}` };
  await must(['ip', 'netns', 'add', place.ns]);
  try {
    await ip(place, 'link', 'set', 'lo', 'mtu', '60');
    await ip(place, 'link', 'add', 'one', 'type', 'veth', 'peer', 'name', 'other');
    const found = await must([
      'ip',
      'netns',
      'exec',
      place.ns,
      process.execPath,
      PROGRAM,
      'lo',
      'one',
      'gone',
    ]);
    assert.equal(found, 'lo one');
  } finally {
    await run(['ip', 'netns', 'delete', place.ns]);
  }
});
