import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { announcementFrames } from '../../lib/core/announce/frames.ts';
import { parseAddress } from '../../lib/core/model/address.ts';
import { parseIfname } from '../../lib/core/model/ifname.ts';
import { parseMac } from '../../lib/core/model/mac.ts';

const dev = parseIfname('bond0.993', 'test');
const tap = parseIfname('tap0', 'test');
const mac = parseMac('52:54:00:ab:cd:ef', 'test');
const linkLocal = parseAddress('fe80::5054:ff:feab:cdef', 'test');

const CASES = [
  {
    address: '192.0.2.10',
    frames: [
      // destination, source, ARP; Ethernet, IPv4, 6, 4, request; sender MAC and IP; target MAC and IP
      'ffffffffffff 525400abcdef 0806 0001 0800 06 04 0001 525400abcdef c000020a 000000000000 c000020a',
      'ffffffffffff 525400abcdef 0806 0001 0800 06 04 0002 525400abcdef c000020a 525400abcdef c000020a',
    ],
  },
  {
    address: '2001:db8:993::1a',
    frames: [
      [
        '333300000001 525400abcdef 86dd',
        '60000000 0020 3a ff fe800000000000005054 00fffeabcdef ff020000000000000000000000000001',
        // advertisement, code, checksum, Override; target; target link-layer address, 8 bytes
        '88 00 e1da 20000000 20010db809930000000000000000001a 02 01 525400abcdef',
      ].join(' '),
    ],
  },
];

for (const { address, frames } of CASES) {
  it(`announces ${address} byte for byte`, () => {
    const made = announcementFrames({ tap, dev, mac, linkLocal, address: parseAddress(address, 'test') });
    assert.deepEqual(
      made.map(frame => Buffer.from(frame).toString('hex')),
      frames.map(frame => frame.replaceAll(' ', '')),
    );
  });
}

describe('the checksum of an advertisement', () => {
  for (const address of [
    '2001:db8::1',
    'fe80::ffff:ffff:ffff:fffe',
    'fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff',
    '2001:db8::c4e4',
  ]) {
    it(`makes the packet for ${address} sum up to ffff`, () => {
      const [frame] = announcementFrames({
        tap,
        dev,
        mac,
        linkLocal,
        address: parseAddress(address, 'test'),
      });
      assert.ok(frame !== undefined);
      const packet = Buffer.from(frame).subarray(14);
      const words = Buffer.concat([
        packet.subarray(8, 40),
        Buffer.from([0, packet[5]!, 0, packet[6]!]),
        packet.subarray(40),
      ]);
      let sum = 0;
      for (let at = 0; at < words.length; at += 2) sum += words.readUInt16BE(at);
      assert.equal(sum % 0xffff, 0);
      assert.notEqual(sum, 0);
    });
  }
});

it('makes no advertisement without a link-local address, and needs none for ARP', () => {
  assert.deepEqual(announcementFrames({ tap, dev, mac, address: parseAddress('2001:db8::1', 'test') }), []);
  assert.equal(announcementFrames({ tap, dev, mac, address: parseAddress('192.0.2.1', 'test') }).length, 2);
});
