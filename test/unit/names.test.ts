import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseIfname } from '../../lib/core/model/ifname.ts';
import { bridgePortMac, macBytes, parseMac } from '../../lib/core/model/mac.ts';
import { HOSTILE, refused } from '../support/hostile.ts';

test('MAC addresses', () => {
  assert.equal(parseMac('AA:00:50:a2:65:69', 'here'), 'aa:00:50:a2:65:69');
  assert.deepEqual([...macBytes(parseMac('aa:00:50:a2:65:69', 'here'))], [0xaa, 0, 0x50, 0xa2, 0x65, 0x69]);
  const bad = [
    '01:00:5e:00:00:01',
    'ff:ff:ff:ff:ff:ff',
    '00:00:00:00:00:00',
    'aa:00:50:a2:65',
    'aa:00:50:a2:65:69:01',
  ];
  const forms = [
    'aa-00-50-a2-65-69',
    'aa0050a26569',
    'aa00.50a2.6569',
    'a:0:5:a:6:6',
    'ga:00:50:a2:65:69',
    'aa:00:50:a2:65:69\n',
  ];
  for (const text of [...bad, ...forms, ...HOSTILE]) refused(() => parseMac(text, 'here'), text);
});

test("the bridge's end of a tap never has the lowest MAC, nor the guest's", () => {
  for (const text of ['aa:00:50:a2:65:69', '02:00:00:00:00:01', 'fe:00:00:00:00:01']) {
    const guest = parseMac(text, 'here');
    const port = bridgePortMac(guest);
    assert.notEqual(port, guest);
    assert.equal(port.slice(2), guest.slice(2));
    assert.ok((macBytes(port)[0] ?? 0) >= 0xfa);
    assert.equal(parseMac(port, 'here'), port);
  }
});

test('link names', () => {
  for (const text of ['tap0', 'bond0.993', 'gnt.com.0', 'vnet0@x', 'a+b', 'x'.repeat(15), '_', '0']) {
    assert.equal(parseIfname(text, 'here'), text);
  }
  for (const text of [
    'x'.repeat(16),
    '.',
    'all',
    'default',
    'tap0\n',
    'tap:0',
    'tap*',
    "b'tap0'",
    ...HOSTILE,
  ]) {
    refused(() => parseIfname(text, 'here'), text);
  }
});
