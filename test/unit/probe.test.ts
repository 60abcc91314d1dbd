import assert from 'node:assert/strict';
import { test } from 'node:test';
import { claimantOf, probeFrames } from '../../lib/core/announce/probe.ts';
import { VmnetError } from '../../lib/core/errors.ts';
import { parseAddress } from '../../lib/core/model/address.ts';
import { parseIfname } from '../../lib/core/model/ifname.ts';
import { parseMac } from '../../lib/core/model/mac.ts';
import { probe } from '../../lib/host/probe.ts';

const dev = parseIfname('lo', 'test');
const mac = parseMac('52:54:00:ab:cd:ef', 'test');
const OTHER = '02:00:00:00:77:01';
const ADDRESS4 = parseAddress('192.0.2.10', 'test');
const ADDRESS6 = parseAddress('2001:db8:993::1a', 'test');
const SOURCE = { arpSource: parseAddress('192.0.2.254', 'test') };

/** ARP from 02:00:00:00:77:01: what it is, its sender's address, and its target's. */
const arp = (operation: string, sender: string, target: string) =>
  `ffffffffffff 020000007701 0806 0001 0800 06 04 ${operation} 020000007701 ${sender} 000000000000 ${target}`;
/** Neighbour discovery from there: the source address, hop limit, type and target. */
const discovery = (source: string, type: string, target: string, hops = 'ff') =>
  `333300000001 020000007701 86dd 60000000 0018 3a ${hops} ${source} ff020000000000000000000000000001 ${type} 00 0000 00000000 ${target}`;

const NOWHERE = '00'.repeat(16);
const TARGET6 = '20010db809930000000000000000001a';
const ELSE6 = '20010db809930000000000000000001b';

for (const [what, extra, address, frames] of [
  [
    'IPv4, from nowhere',
    {},
    ADDRESS4,
    ['ffffffffffff 525400abcdef 0806 0001 0800 06 04 0001 525400abcdef 00000000 000000000000 c000020a'],
  ],
  [
    'IPv4, where the host has an address to ask from',
    SOURCE,
    ADDRESS4,
    [
      'ffffffffffff 525400abcdef 0806 0001 0800 06 04 0001 525400abcdef 00000000 000000000000 c000020a',
      'ffffffffffff 525400abcdef 0806 0001 0800 06 04 0001 525400abcdef c00002fe 000000000000 c000020a',
    ],
  ],
  [
    'IPv6',
    {},
    ADDRESS6,
    [
      [
        '3333ff00001a 525400abcdef 86dd 60000000 0018 3a ff',
        `${NOWHERE} ff0200000000000000000001ff00001a 87 00 4328 00000000 ${TARGET6}`,
      ].join(' '),
    ],
  ],
] as const) {
  test(`the question, byte for byte: ${what}`, () => {
    const made = probeFrames({ dev, mac, address, ...extra });
    assert.deepEqual(
      made.map(frame => Buffer.from(frame).toString('hex')),
      frames.map(frame => frame.replaceAll(' ', '')),
    );
  });
}

const CLAIMS = [
  ['an ARP reply from the address', ADDRESS4, arp('0002', 'c000020a', 'c0000201')],
  ['an ARP request from the address', ADDRESS4, arp('0001', 'c000020a', 'c0000201')],
  ['an announcement of the address', ADDRESS4, arp('0001', 'c000020a', 'c000020a')],
  ['an ARP probe for the address', ADDRESS4, arp('0001', '00000000', 'c000020a')],
  ['an advertisement of the address', ADDRESS6, discovery(ELSE6, '88', TARGET6)],
  ['a solicitation from the address', ADDRESS6, discovery(TARGET6, '87', ELSE6)],
  ['a solicitation for the address from nowhere', ADDRESS6, discovery(NOWHERE, '87', TARGET6)],
] as const;
const SILENT = [
  ['a request for the address', ADDRESS4, arp('0001', 'c0000201', 'c000020a')],
  ['a reply about another', ADDRESS4, arp('0002', 'c000020b', 'c000020a')],
  ['a reply from nowhere', ADDRESS4, arp('0002', '00000000', 'c000020a')],
  ['a probe for another', ADDRESS4, arp('0001', '00000000', 'c000020b')],
  ['a solicitation for the address', ADDRESS6, discovery(ELSE6, '87', TARGET6)],
  ['a solicitation for another from nowhere', ADDRESS6, discovery(NOWHERE, '87', ELSE6)],
  ['an advertisement of another', ADDRESS6, discovery(TARGET6, '88', ELSE6)],
  ['an advertisement from another segment', ADDRESS6, discovery(ELSE6, '88', TARGET6, 'fe')],
  ['a router advertisement', ADDRESS6, discovery(TARGET6, '86', TARGET6)],
  ['nothing', ADDRESS4, ''],
  ['nothing', ADDRESS6, ''],
  ['ARP that ends early', ADDRESS4, arp('0002', 'c000020a', 'c0000201').slice(0, -2)],
  ['an advertisement that ends early', ADDRESS6, discovery(ELSE6, '88', TARGET6).slice(0, -2)],
  [
    'an answer whose sender is a group',
    ADDRESS4,
    arp('0002', 'c000020a', 'c0000201').replace('020000007701', '030000007701'),
  ],
] as const;

for (const [cases, claims] of [
  [CLAIMS, true],
  [SILENT, false],
] as const) {
  for (const [what, address, frame] of cases) {
    test(`${address.text}: ${what} ${claims ? 'claims it' : 'says nothing'}`, () => {
      const bytes = Buffer.from(frame.replaceAll(' ', ''), 'hex');
      assert.equal(claimantOf(bytes, address), claims ? OTHER : undefined);
    });
  }
}

test('what is asked claims nothing of ordinary requests, and everything of probes', () => {
  const [asProbe, asRequest] = probeFrames({ dev, mac, address: ADDRESS4, ...SOURCE });
  const [solicitation] = probeFrames({ dev, mac, address: ADDRESS6 });
  assert.ok(asProbe !== undefined && asRequest !== undefined && solicitation !== undefined);
  assert.equal(claimantOf(asProbe, ADDRESS4), mac);
  assert.equal(claimantOf(asRequest, ADDRESS4), undefined);
  assert.equal(claimantOf(solicitation, ADDRESS6), mac);
});

test('without perl nothing is asked, which is an error to be told', async () => {
  await assert.rejects(
    probe([{ dev, mac, address: ADDRESS4 }], '/nowhere'),
    (error: unknown) => error instanceof VmnetError && error.exit === 'missing',
  );
});

test('a device that is not there is said', async () => {
  const gone = parseIfname('vmnet-no-such', 'test');
  const { claims, failed } = await probe([{ dev: gone, mac, address: ADDRESS6 }]);
  assert.deepEqual(claims, []);
  assert.equal(failed.length, 1);
  assert.match(failed[0] ?? '', /^vmnet-no-such: /);
});
