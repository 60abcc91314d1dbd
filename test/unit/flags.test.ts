import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VmnetError } from '../../lib/core/errors.ts';
import { parseConfig } from '../../lib/core/source/config.ts';
import { findNetwork } from '../../lib/core/source/find-network.ts';
import { type AttachFlags, requestFromFlags } from '../../lib/core/source/flags.ts';
import { parseRtTables } from '../../lib/core/source/rt-tables.ts';

const CONFIG = parseConfig(
  [
    {
      path: 'vmnet.ini',
      text: `
[network public]
mode = routed
link = public_993
table = 993
[network inside]
mode = bridged
link = br7
[network plain]
table = 7
[network behind]
link = vlan992
[network long]
mode = bridged
link = much-too-long-for-a-bridge
[bridge vlan992]
ports = eth1
`,
    },
  ],
  parseRtTables([]),
);

function refused(flags: AttachFlags, where: string, says: RegExp = /./): void {
  assert.throws(
    () => requestFromFlags(flags, CONFIG),
    (error: unknown) => {
      assert.ok(error instanceof VmnetError, String(error));
      assert.equal(error.exit, 'request');
      assert.equal(error.where, where);
      assert.match(`${error.message} ${error.hint}`, says);
      return true;
    },
    JSON.stringify(flags).slice(0, 200),
  );
}

test('a whole request', () => {
  const flags = {
    tap: 'tap0',
    network: 'public',
    mode: 'routed',
    link: '993',
    mac: 'AA:00:50:A2:65:69',
    ip: ['192.0.2.9', '2001:DB8::9', '192.0.2.9'],
    vlan: '.10',
    instance: 'web1.example.test',
    tag: ['a:b', 'c', 'a:b'],
  };
  assert.deepEqual(requestFromFlags(flags, CONFIG), {
    ifname: 'tap0',
    mode: 'routed',
    instance: 'web1.example.test',
    mac: 'aa:00:50:a2:65:69',
    link: '993',
    vlan: '.10',
    addresses: [
      { family: 4, text: '192.0.2.9' },
      { family: 6, text: '2001:db8::9' },
    ],
    tags: ['a:b', 'c'],
    network: { name: 'public' },
  });
});

test('the least that is enough', () => {
  assert.deepEqual(requestFromFlags({ tap: 'tap0', mode: 'bridged', vlan: '' }, CONFIG), {
    ifname: 'tap0',
    mode: 'bridged',
    addresses: [],
    tags: [],
    network: {},
  });
});

test('mode and link', () => {
  const table: [Omit<AttachFlags, 'tap'>, string, string | undefined][] = [
    [{ network: 'public' }, 'routed', 'public_993'],
    [{ network: 'plain', mode: 'bridged', link: 'br0' }, 'bridged', 'br0'],
    [{ network: 'plain', link: '7' }, 'routed', '7'],
    [{ network: 'public', mode: 'routed', link: 'public_993' }, 'routed', 'public_993'],
    [{ link: 'br7', mode: 'routed' }, 'routed', 'br7'],
    [{ link: 'public_993', mode: 'bridged' }, 'bridged', 'public_993'],
    [{ network: 'inside' }, 'bridged', 'br7'],
    [{ network: 'inside', link: 'br8' }, 'bridged', 'br8'],
    [{ network: 'plain' }, 'routed', undefined],
    [{ network: 'behind' }, 'bridged', 'vlan992'],
    [{ network: 'unknown', link: '77' }, 'routed', '77'],
    [{ network: 'unknown', link: 'br7' }, 'bridged', 'br7'],
    [{ link: 'public_993' }, 'routed', 'public_993'],
    [{ link: 'vlan992' }, 'bridged', 'vlan992'],
    [{ link: 'vlan992', ip: ['192.0.2.1'] }, 'bridged', 'vlan992'],
    [{ link: '77', ip: ['192.0.2.1'] }, 'routed', '77'],
    [{ ip: ['2001:db8::1'] }, 'routed', undefined],
  ];
  for (const [flags, mode, link] of table) {
    const request = requestFromFlags({ tap: 'tap0', ...flags }, CONFIG);
    assert.equal(request.mode, mode, JSON.stringify(flags));
    assert.equal(request.link, link, JSON.stringify(flags));
    assert.equal(request.network.name, flags.network);
  }
});

test('what does not say its mode', () => {
  for (const flags of [{}, { link: '77' }, { ip: [] }, { mac: 'aa:00:50:a2:65:69' }]) {
    refused({ tap: 'tap0', ...flags }, '"tap0"', /--mode/);
  }
});

test('what the section of the network says otherwise', () => {
  const table: [Omit<AttachFlags, 'tap'>, string, RegExp][] = [
    [{ network: 'inside', mode: 'routed' }, '--mode', /inside.*bridged.*vmnet\.ini:6/],
    [{ network: 'public', mode: 'bridged', link: 'br0' }, '--mode', /public.*routed.*vmnet\.ini:2/],
    [{ network: 'public', link: '995' }, '--link', /public.*public_993.*993.*vmnet\.ini:2/],
    [{ network: 'plain', link: '995' }, '--link', /plain.*7.*vmnet\.ini:9/],
  ];
  for (const [flags, where, says] of table) refused({ tap: 'tap0', ...flags }, where, says);
});

test('an unknown network or mode, with the nearest or all that there are', () => {
  refused({ tap: 'tap0', network: 'pubilc' }, '--network', /did you mean public/);
  refused({ tap: 'tap0', network: 'office' }, '--network', /public.*inside.*plain.*behind/);
  refused({ tap: 'tap0', mode: 'ruoted' }, '--mode', /did you mean routed/);
  refused({ tap: 'tap0', mode: 'nat' }, '--mode', /routed.*bridged/);
  refused({ tap: 'tap0', mode: '' }, '--mode');
});

test("a network's link that cannot be a bridge is an error of the configuration's line", () => {
  refused({ tap: 'tap0', network: 'long' }, 'vmnet.ini:13', /much-too-long/);
});

test('hostile input in every flag', () => {
  const values = [
    'a\nb',
    'a"b',
    "a'b",
    'a;b',
    'a b',
    '-x\n',
    '$(x)',
    '`x`',
    'a\\b',
    'é',
    'a\0',
    'x'.repeat(5000),
  ];
  const stricter = [...values, '-x', 'a/b', '../x', ''];
  const base = { tap: 'tap0', network: 'public' };
  for (const value of stricter) {
    refused({ ...base, tap: value }, 'TAP');
    refused({ ...base, network: value }, '--network');
    refused({ ...base, mode: value }, '--mode');
    refused({ ...base, mode: 'routed', link: value }, '--link');
    refused({ ...base, network: 'plain', mode: 'bridged', link: value }, '--link');
    refused({ ...base, mac: value }, '--mac');
    refused({ ...base, ip: ['192.0.2.1', value] }, '--ip');
    refused({ ...base, instance: value }, '--instance');
    if (value !== '') refused({ ...base, vlan: value }, '--vlan');
  }
  for (const value of [...values, '']) refused({ ...base, tag: ['ok', value] }, '--tag');
});

test('a network is found by name, then by link', () => {
  const table: [Parameters<typeof findNetwork>[1], string | undefined][] = [
    [{ name: 'public' }, 'public'],
    [{ name: 'plain', link: 'public_993' }, 'plain'],
    [{ name: 'unknown', link: 'public_993' }, 'public'],
    [{ link: 'br7' }, 'inside'],
    [{ link: 'br7', mode: 'bridged' }, 'inside'],
    [{ link: 'br7', mode: 'routed' }, undefined],
    [{ link: 'vlan992', mode: 'routed' }, 'behind'],
    [{ link: 'public' }, undefined],
    [{ name: 'public_993' }, undefined],
    [{ name: 'unknown' }, undefined],
    [{}, undefined],
  ];
  for (const [by, expected] of table)
    assert.equal(findNetwork(CONFIG, by)?.name, expected, JSON.stringify(by));
});
