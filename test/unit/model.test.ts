import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VmnetError } from '../../lib/core/errors.ts';
import {
  type Address,
  addressBytes,
  contains,
  defaultPrefix,
  eui64,
  hostPrefix,
  linkLocal,
  parseAddress,
  parsePrefix,
} from '../../lib/core/model/address.ts';
import { parseMac } from '../../lib/core/model/mac.ts';
import { HOSTILE, refused } from '../support/hostile.ts';

const address = (text: string): Address => parseAddress(text, 'here');

test('addresses come out as the kernel prints them', () => {
  const table: [string, 4 | 6, string][] = [
    ['192.0.2.1', 4, '192.0.2.1'],
    ['10.0.0.0', 4, '10.0.0.0'],
    ['2001:db8::1', 6, '2001:db8::1'],
    ['2001:DB8:0:0:0:0:0:1', 6, '2001:db8::1'],
    ['2001:0db8:0000:0000:0001:0000:0000:0001', 6, '2001:db8::1:0:0:1'],
    ['2001:db8:0:1:1:1:1:1', 6, '2001:db8:0:1:1:1:1:1'],
    ['2001:db8::192.0.2.1', 6, '2001:db8::c000:201'],
    ['2001:2:3:4:5:6:7::', 6, '2001:2:3:4:5:6:7:0'],
    ['fe80::1', 6, 'fe80::1'],
  ];
  for (const [text, family, expected] of table) assert.deepEqual(address(text), { family, text: expected });
});

test('what is no unicast address is refused', () => {
  const ipv4 = [
    '0.0.0.0',
    '0.1.2.3',
    '127.0.0.1',
    '224.0.0.1',
    '255.255.255.255',
    '192.0.2',
    '192.0.2.256',
    '192.0.2.01',
  ];
  const ipv6 = [
    '::',
    '::1',
    'ff02::1',
    '2001:db8',
    '1::2::3',
    '2001:db8::g',
    'fe80::1%eth0',
    '[2001:db8::1]',
    ':',
    '1:2:3:4:5:6:7:8:9',
  ];
  const both = [
    '192.0.2.1/32',
    '2001:db8::1/128',
    '192.0.2.1\n',
    ' 192.0.2.1',
    '192.0.2.1 192.0.2.2',
    '3221225985',
    '0x7f.1',
  ];
  for (const text of [...ipv4, ...ipv6, ...both, ...HOSTILE]) refused(() => address(text), text);
});

test('prefixes', () => {
  const table: [string, 4 | 6, string, number][] = [
    ['192.0.2.0/24', 4, '192.0.2.0', 24],
    ['192.0.2.77/24', 4, '192.0.2.0', 24],
    ['192.0.2.77/32', 4, '192.0.2.77', 32],
    ['0.0.0.0/0', 4, '0.0.0.0', 0],
    ['2001:DB8::/64', 6, '2001:db8::', 64],
    ['2001:db8::5/64', 6, '2001:db8::', 64],
    ['2001:db8:ffff::/33', 6, '2001:db8:8000::', 33],
    ['2001:db8::5/128', 6, '2001:db8::5', 128],
    ['::/0', 6, '::', 0],
  ];
  for (const [text, family, at, length] of table) {
    assert.deepEqual(
      parsePrefix(text, 'here'),
      { family, address: at, length, text: `${at}/${length}` },
      text,
    );
  }
  const bad = [
    '192.0.2.0',
    '192.0.2.0/',
    '192.0.2.0/33',
    '/24',
    '192.0.2.0/24/24',
    '192.0.2.0/-1',
    '192.0.2.0/+8',
    '192.0.2/24',
  ];
  const bad6 = [
    '2001:db8::',
    '2001:db8::/129',
    '2001:db8::/',
    '2001:db8::/64/64',
    '2001:db8::/ 64',
    '2001:db8::/0x40',
    'g::/64',
  ];
  for (const text of [...bad, ...bad6, ...HOSTILE]) refused(() => parsePrefix(text, 'here'), text);
});

test('host bits can be refused, with the right prefix as the hint', () => {
  const table: [string, string][] = [
    ['192.0.2.77/24', '192.0.2.0/24'],
    ['2001:db8::5/64', '2001:db8::/64'],
  ];
  for (const [text, right] of table) {
    assert.throws(
      () => parsePrefix(text, 'here', 'refuse'),
      (error: unknown) => error instanceof VmnetError && error.hint?.includes(right) === true,
    );
    assert.equal(parsePrefix(right, 'here', 'refuse').text, right);
  }
});

test('contains', () => {
  const table: [string, string, boolean][] = [
    ['192.0.2.0/24', '192.0.2.1', true],
    ['192.0.2.0/24', '192.0.3.1', false],
    ['192.0.2.8/29', '192.0.2.15', true],
    ['192.0.2.8/29', '192.0.2.16', false],
    ['192.0.2.8/32', '192.0.2.8', true],
    ['0.0.0.0/0', '203.0.113.1', true],
    ['0.0.0.0/0', '2001:db8::1', false],
    ['2001:db8::/64', '2001:db8::ffff', true],
    ['2001:db8::/64', '2001:db8:0:1::1', false],
    ['2001:db8::1/128', '2001:db8::1', true],
    ['::/0', '2001:db8::1', true],
    ['::/0', '192.0.2.1', false],
  ];
  for (const [prefix, inside, expected] of table) {
    assert.equal(contains(parsePrefix(prefix, 'here'), address(inside)), expected, `${prefix} ${inside}`);
  }
});

test('prefixes of one address and of all', () => {
  assert.deepEqual(hostPrefix(address('192.0.2.1')), parsePrefix('192.0.2.1/32', 'here'));
  assert.deepEqual(hostPrefix(address('2001:db8::1')), parsePrefix('2001:db8::1/128', 'here'));
  assert.deepEqual(defaultPrefix(4), parsePrefix('0.0.0.0/0', 'here'));
  assert.deepEqual(defaultPrefix(6), parsePrefix('::/0', 'here'));
});

test('EUI-64 and link-local addresses', () => {
  const table: [string, string, string, string][] = [
    ['2001:db8::/64', '34:56:78:9a:bc:de', '2001:db8::3656:78ff:fe9a:bcde', 'fe80::3656:78ff:fe9a:bcde'],
    [
      '2001:db8:50::/64',
      'aa:00:50:a2:65:69',
      '2001:db8:50:0:a800:50ff:fea2:6569',
      'fe80::a800:50ff:fea2:6569',
    ],
    ['2001:db8::/64', '02:00:00:00:00:01', '2001:db8::ff:fe00:1', 'fe80::ff:fe00:1'],
  ];
  for (const [prefix, mac, expected, local] of table) {
    assert.deepEqual(eui64(parsePrefix(prefix, 'here'), parseMac(mac, 'here')), {
      family: 6,
      text: expected,
    });
    assert.deepEqual(linkLocal(parseMac(mac, 'here')), { family: 6, text: local });
  }
});

test('bytes of addresses', () => {
  assert.deepEqual([...addressBytes(address('192.0.2.254'))], [192, 0, 2, 254]);
  assert.deepEqual(
    [...addressBytes(address('2001:db8::fffe'))],
    [0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xfe],
  );
});
