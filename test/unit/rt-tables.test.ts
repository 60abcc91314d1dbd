import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lookUpTable, parseRtTables } from '../../lib/core/source/rt-tables.ts';

const BUILT_IN = { unspec: 0, default: 253, main: 254, local: 255 };

test('names of routing tables', () => {
  const table: [string, readonly string[], Record<string, number>][] = [
    ['no file', [], {}],
    [
      'as shipped',
      ['#\n# reserved values\n#\n255\tlocal\n254\tmain\n253\tdefault\n0\tunspec\n#\n#1\tinr.ruhep\n'],
      {},
    ],
    ['decimal and hexadecimal', ['100 public\n0x65 other\n'], { public: 100, other: 101 }],
    ['white space', ['  100\t public  \n\t101 other'], { public: 100, other: 101 }],
    ['comments', ['100 public # the VMs\n# 101 other\n  # 102 more\n'], { public: 100 }],
    ['what follows the name', ['100 public and more\n'], { public: 100 }],
    ['two names of one number', ['100 a\n100 b\n'], { a: 100, b: 100 }],
    ['the first wins, in a file and over files', ['100 a\n101 a\n', '102 a\n103 b\n'], { a: 100, b: 103 }],
    ['a known name stays', ['7 main\n8 local\n'], {}],
    [
      'malformed lines',
      [
        'public 100\n100\n100x glued\n-5 negative\n0x gone\n100 #gone\n4294967296 big\n99999999999 big\n9 kept\n',
      ],
      { kept: 9 },
    ],
    ['names of JavaScript', ['100 __proto__\n101 constructor\n'], { ['__proto__']: 100, constructor: 101 }],
  ];
  for (const [name, texts, expected] of table) {
    const want = new Map([...Object.entries(BUILT_IN), ...Object.entries(expected)]);
    assert.deepEqual(parseRtTables(texts), want, name);
  }
});

test('a table by number or by name', () => {
  const tables = parseRtTables(['993 public\n']);
  const table: [string, number | undefined][] = [
    ['public', 993],
    ['main', 254],
    ['993', 993],
    ['0', 0],
    ['2147483647', 2_147_483_647],
    ['2147483648', undefined],
    ['0993', undefined],
    ['0x3e1', undefined],
    ['-1', undefined],
    ['1e3', undefined],
    ['', undefined],
    ['Public', undefined],
    ['constructor', undefined],
  ];
  for (const [text, expected] of table) assert.equal(lookUpTable(text, tables), expected, text);
});
