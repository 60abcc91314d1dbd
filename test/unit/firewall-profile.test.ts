// Files of firewall.d: one rule a line, and a file that cannot be read is an error only for who asks for it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseFirewallProfile } from '../../lib/core/source/firewall-profile.ts';

test('rules keep their lines, comments and empty lines are none', () => {
  const text = '# what\n\nct state established accept # back\n  tcp dport { 22, 80 } accept\ncounter drop\n';
  const { name, rules, broken } = parseFirewallProfile('/etc/vmnet/firewall.d/own-2.nft', text);
  assert.equal(name, 'own-2');
  assert.equal(broken, undefined);
  assert.deepEqual(rules, [
    { text: 'ct state established accept', line: 3 },
    { text: 'tcp dport { 22, 80 } accept', line: 4 },
    { text: 'counter drop', line: 5 },
  ]);
});

test('what is more than a rule, and a name that is none, is an error with its place and no rule', () => {
  const rows: readonly (readonly [file: string, text: string, where: string])[] = [
    ['own', 'accept\naccept; drop', 'firewall.d/own.nft:2'],
    ['own', 'log prefix "x" accept', 'firewall.d/own.nft:1'],
    ['own', 'accept\\', 'firewall.d/own.nft:1'],
    ['own', '$(reboot)', 'firewall.d/own.nft:1'],
    ['Own', 'accept', 'firewall.d/Own.nft'],
    ['isolate', 'accept', 'firewall.d/isolate.nft'],
    ['-own', 'accept', 'firewall.d/-own.nft'],
  ];
  for (const [file, text, where] of rows) {
    const { broken, rules } = parseFirewallProfile(`firewall.d/${file}.nft`, text);
    assert.equal(broken?.exit, 'config', text);
    assert.equal(broken?.where, where);
    assert.deepEqual(rules, []);
  }
});
