// Heads of sections.
import { test } from 'node:test';
import { refused } from '../support/parse-config.ts';

test('sections that are not there, are there twice, or have no good name', () => {
  const table: [string | readonly string[], string, RegExp][] = [
    ['\n[netwrok public]', 'a.ini:2', /netwrok.*did you mean network/],
    ['[vlna bond0.993]', 'a.ini:1', /did you mean vlan/],
    ['[settings]', 'a.ini:1', /vmnet.*network.*bond.*vlan.*bridge.*vrf/],
    ['[]', 'a.ini:1', /valid here/],
    ['[__proto__]\nx = 1', 'a.ini:1', /__proto__/],
    ['[constructor x]', 'a.ini:1', /constructor/],
    ['[network]', 'a.ini:1', /NAME/],
    ['[vmnet public]', 'a.ini:1', /public/],
    ['[network a b]', 'a.ini:1', /a b/],
    ['[network a;b]', 'a.ini:1', /a;b/],
    ['[network -a]', 'a.ini:1', /-a/],
    [`[network ${'a'.repeat(65)}]`, 'a.ini:1', /aaa/],
    ['[bond too-long-for-a-link]', 'a.ini:1', /too-long/],
    ['[vlan bond0/1]', 'a.ini:1', /bond0\/1/],
    ['[network a', 'a.ini:1', /\[network a/],
    ['[network a] b', 'a.ini:1', /\[network a/],
    ['[network a]\n[network b]\n\n[network a]', 'a.ini:4', /a\.ini:1/],
    [['[network a]', '\n[network  a]'], 'b.ini:2', /a\.ini:1/],
    [['[vmnet]', '[vmnet]'], 'b.ini:1', /a\.ini:1/],
    ['[bridge x]\n[vrf x]\ntable = 5', 'a.ini:2', /x .*a\.ini:1/],
  ];
  for (const [texts, where, says] of table) refused(texts, where, says);
});
