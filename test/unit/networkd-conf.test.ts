import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LEAVE_FOREIGN_ALONE, leavesForeignAlone } from '../../lib/core/source/networkd-conf.ts';

test('whether systemd-networkd leaves the rules and routes of others alone', async t => {
  const table: readonly (readonly [string, readonly string[], boolean])[] = [
    ['nothing is said', ['', '[Network]\n#ManageForeignRoutes=no\n'], false],
    ['one of the two', ['[Network]\nManageForeignRoutes=no\n'], false],
    [
      'both, over two files',
      ['[Network]\nManageForeignRoutes = false\n', '[Network]\nManageForeignRoutingPolicyRules=0\n'],
      true,
    ],
    ['taken back by a later file', [LEAVE_FOREIGN_ALONE, '[Network]\nManageForeignRoutes=yes\n'], false],
    ["vmnet's own", [LEAVE_FOREIGN_ALONE], true],
  ];
  for (const [name, texts, expected] of table)
    await t.test(name, () => assert.equal(leavesForeignAlone(texts), expected));
});
