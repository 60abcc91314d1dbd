// What `ip -N -d -j` printed on a real kernel, read as objects.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { type Family, parseAddress, parsePrefix } from '../../lib/core/model/address.ts';
import { type Ifname, parseIfname } from '../../lib/core/model/ifname.ts';
import { textOf } from '../../lib/core/model/object.ts';
import {
  type IpQuestion,
  type IpRow,
  proxyQuestion,
  routeQuestion,
  routeQuestions,
  ruleQuestion,
} from '../../lib/core/observed/ip.ts';
import { linkQuestion } from '../../lib/core/observed/link.ts';

interface Captured {
  readonly family: Family;
  readonly line: string;
  readonly rows: readonly IpRow[];
}

const captured: readonly Captured[] = JSON.parse(
  readFileSync(join(import.meta.dirname, '../fixtures/kernel/answers.json'), 'utf8'),
);
const link = (name: string): Ifname => parseIfname(name, 'test');

/** The very question that was asked, and what it makes of the answer. */
function answer(question: IpQuestion, family: Family = 4) {
  const found = captured.find(one => one.line === question.line && one.family === family);
  assert.ok(found !== undefined, `nobody asked: ${question.line}`);
  return question.read(found.rows);
}

const texts = (question: IpQuestion, family?: Family): readonly string[] =>
  answer(question, family).objects.map(textOf);

test('a routed tap, a bridged one, a bridge and an uplink', () => {
  const rows: readonly (readonly [string, readonly string[]])[] = [
    [
      'tap0',
      [
        'link tap0 tun',
        'link tap0 group 994',
        'link tap0 mac 02:76:6d:6e:65:74',
        'link tap0 mtu 1500',
        'link tap0 master none',
        'link tap0 state up',
        'address tap0 fe80::76:6dff:fe6e:6574/64',
      ],
    ],
    [
      'tap1',
      [
        'link tap1 tun',
        'link tap1 group 30317',
        'link tap1 mac fe:00:00:35:6d:06',
        'link tap1 mtu 1500',
        'link tap1 master br0',
        'link tap1 state up',
        'link tap1 learning on',
        'link tap1 flood on',
        'link tap1 hairpin off',
        'link tap1 isolated off',
        'link tap1 locked off',
        'link tap1 mcast_router 2',
      ],
    ],
  ];
  for (const [name, expected] of rows) assert.deepEqual(texts(linkQuestion(link(name))), expected, name);
  const [bridge] = answer(linkQuestion(link('br0'))).links;
  assert.equal(bridge?.type, 'bridge');
  const [uplink] = answer(linkQuestion(link('up6'))).links;
  assert.deepEqual(uplink?.linkLocal, { family: 6, text: 'fe80::5054:ff:fe00:6' });
  const [tap] = answer(linkQuestion(link('tap1'))).links;
  assert.equal(tap?.type, 'tun');
  assert.equal(tap?.master, 'br0');
  assert.equal(tap?.linkLocal, undefined);
});

describe('routes, where the field that was filtered by is left out', () => {
  const families = [
    {
      family: 4,
      table: 994,
      uplink: 'up1',
      host: '198.51.100.5/32',
      own: 'route 994 198.51.100.5/32 metric 0 dev tap0 proto 118',
      subnet: 'route 994 198.51.100.0/24 metric 0 dev up1 proto 118',
      gateway: 'route 994 0.0.0.0/0 metric 0 dev up1 via 198.51.100.1 proto 118',
      last: 'route 994 0.0.0.0/0 metric 4278198272 unreachable proto 118',
    },
    {
      family: 6,
      table: 1994,
      uplink: 'up6',
      host: '2001:db8:994::5/128',
      own: 'route 1994 2001:db8:994::5/128 metric 1024 dev tap0 proto 118',
      subnet: 'route 1994 2001:db8:994::/64 metric 1024 dev up6 proto 118',
      gateway: 'route 1994 ::/0 metric 1024 dev up6 via 2001:db8:994::1 proto 118',
      last: 'route 1994 ::/0 metric 4278198272 unreachable proto 118',
    },
  ] as const;
  for (const { family, table, uplink, host, own, subnet, gateway, last } of families) {
    test(`IPv${family}`, () => {
      const at = { family, table };
      const sorted = (query: Parameters<typeof routeQuestion>[0]) =>
        [...texts(routeQuestion(query), family)].filter(text => !text.includes('203.0.113')).sort();
      assert.deepEqual(sorted({ ...at, dev: link('tap0') }), [own]);
      assert.deepEqual(sorted({ ...at, dev: link(uplink) }), [subnet, gateway].sort());
      assert.deepEqual(sorted({ ...at, prefix: parsePrefix(host, 'test') }), [own]);
      const anywhere = parsePrefix(family === 4 ? '0.0.0.0/0' : '::/0', 'test');
      assert.deepEqual(sorted({ ...at, prefix: anywhere }), [gateway, last].sort());
      assert.deepEqual(sorted(at), [own, subnet, gateway, last].sort());
      assert.deepEqual(sorted({ family, protocol: 118 }), [own, subnet, gateway, last].sort());
      // Of the prefixes around a NIC's own those that are asked for, in one question.
      const asked = [host, anywhere.text].map(prefix => ({ ...at, prefix: parsePrefix(prefix, 'test') }));
      const questions = routeQuestions([...asked, { ...at, dev: link(uplink) }]);
      assert.deepEqual(
        questions.map(({ line }) => line),
        [`route show table ${table} dev ${uplink}`, `route show table ${table} match ${host}`],
      );
      const whole = captured.find(one => one.line === `route show table ${table}` && one.family === family);
      assert.deepEqual(
        (questions[1]?.read(whole?.rows ?? []).objects ?? []).map(textOf).sort(),
        [own, gateway, last].sort(),
      );
    });
  }

  test('a route of somebody else keeps its metric and its protocol', () => {
    const all = texts(routeQuestion({ family: 4, table: 994 }));
    assert.ok(all.includes('route 994 203.0.113.0/24 metric 50 dev up1 via 198.51.100.9 proto 4'));
  });
});

test('rules of every kind, and none of a kind that vmnet does not have', () => {
  assert.deepEqual(texts(ruleQuestion(4)), [
    'rule 4 0 from all lookup 255 protocol 2',
    'rule 4 900 from all fwmark 994 lookup 994 protocol 2',
    'rule 4 901 from all to 198.51.100.0/24 iif lo lookup 994 protocol 2',
    'rule 4 902 from all iif lo goto 904 protocol 2',
    'rule 4 903 from 198.51.100.0/24 blackhole protocol 2',
    'rule 4 904 from all nop protocol 2',
    'rule 4 32766 from all lookup 254 protocol 2',
    'rule 4 32767 from all lookup 253 protocol 2',
  ]);
  assert.deepEqual(texts(ruleQuestion(6), 6), [
    'rule 6 0 from all lookup 255 protocol 2',
    'rule 6 900 from all fwmark 1994 lookup 1994 protocol 2',
    'rule 6 901 from all to 2001:db8:994::/64 iif lo lookup 1994 protocol 2',
    'rule 6 902 from all iif lo goto 904 protocol 2',
    'rule 6 903 from 2001:db8:994::/64 blackhole protocol 2',
    'rule 6 904 from all nop protocol 2',
    'rule 6 32766 from all lookup 254 protocol 2',
  ]);
});

test('proxy neighbours, by address, by device and by protocol', () => {
  const four = 'proxy-neighbour 198.51.100.5 dev up1 protocol 118';
  const six = 'proxy-neighbour 2001:db8:994::5 dev up6 protocol 118';
  const gateway = 'proxy-neighbour 2001:db8:994::1 dev tap0 protocol 118';
  assert.deepEqual(texts(proxyQuestion({ address: parseAddress('198.51.100.5', 'test') })), [four]);
  assert.deepEqual(texts(proxyQuestion({ address: parseAddress('2001:db8:994::5', 'test') })), [six]);
  assert.deepEqual(texts(proxyQuestion({ dev: link('tap0') })), [gateway]);
  assert.deepEqual([...texts(proxyQuestion({ protocol: 118 }))].sort(), [four, six, gateway].sort());
});

test('a bond, its port, a VLAN on it and a VRF, as Linux 6.1 prints them', () => {
  const rows: readonly IpRow[] = JSON.parse(
    readFileSync(join(import.meta.dirname, '../fixtures/kernel/links.json'), 'utf8'),
  );
  const { objects, links } = linkQuestion('all').read(rows);
  const shown = objects.map(textOf).filter(line => !/ (group|mac|mtu|state) |^address/.test(line));
  assert.deepEqual(shown, [
    'link p0 veth',
    'link p0 master b0',
    'link b0 bond mode active-backup',
    'link b0 master none',
    'link b0 miimon 100',
    'link b0 min_links 0',
    'link b0 xmit_hash_policy layer2',
    'link b0 primary p0',
    'link b0.5 vlan id 5 on b0',
    'link b0.5 master none',
    'link red vrf table 77',
    'link red master none',
    'link b1 bond mode 802.3ad',
    'link b1 master none',
    'link b1 miimon 100',
    'link b1 min_links 0',
    'link b1 xmit_hash_policy layer2',
    'link b1 lacp_rate slow',
  ]);
  assert.deepEqual(
    links.map(({ ifname, type, parent }) => [ifname, type, parent]),
    [
      ['p0', 'veth', undefined],
      ['b0', 'bond', undefined],
      ['b0.5', 'vlan', 'b0'],
      ['red', 'vrf', undefined],
      ['b1', 'bond', undefined],
    ],
  );
});
