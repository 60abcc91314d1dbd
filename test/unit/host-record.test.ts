// The record of the host's own links: read back as it was written, and nothing else is taken for one.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HostRecord } from '../../lib/core/model/host-record.ts';
import type { Ifname } from '../../lib/core/model/ifname.ts';
import { parseHostRecord } from '../../lib/core/source/host-record.ts';

const eth0 = 'eth0' as Ifname;
const RECORD: HostRecord = {
  version: 1,
  links: { eth0: 3, 'bond0.992': 9 },
  made: ['link bond0.992', 'address bond0.992 192.0.2.1/24', 'address bond0.992 2001:db8::1/64'],
  before: [
    { kind: 'link-setting', ifname: eth0, setting: 'master', value: 'none' },
    { kind: 'link-setting', ifname: eth0, setting: 'state', value: 'up' },
    { kind: 'link-setting', ifname: eth0, setting: 'mtu', value: '1500' },
    { kind: 'link-setting', ifname: eth0, setting: 'xmit_hash_policy', value: 'layer3+4' },
    { kind: 'address', ifname: eth0, address: { family: 4, text: '192.0.2.5' }, length: 24 },
    { kind: 'address', ifname: eth0, address: { family: 6, text: '2001:db8::5' }, length: 64 },
    {
      kind: 'route',
      table: 254,
      prefix: { family: 6, address: '2001:db8:1::', length: 48, text: '2001:db8:1::/48' },
      type: 'unicast',
      dev: eth0,
      via: { family: 6, text: 'fe80::1' },
      metric: 1024,
      protocol: 3,
    },
  ],
  at: '2031-05-04T03:02:01.000Z',
};

test('what is written is read', () => {
  assert.deepEqual(parseHostRecord(JSON.stringify(RECORD), 'host.json'), RECORD);
});

const LOCAL = { kind: 'rule', family: 4, preference: 0, action: { do: 'lookup', table: 255 }, protocol: 2 };
const ROUTE = {
  kind: 'route',
  table: 254,
  prefix: { family: 4, address: '0.0.0.0', length: 0, text: '0.0.0.0/0' },
  type: 'unicast',
  dev: 'eth0',
  via: { family: 4, text: '10.0.0.1' },
  near: true,
  more: 'src 10.0.0.2 mtu 1400',
  metric: 0,
  protocol: 3,
};

test('what a VRF changed comes back as it was written', () => {
  const before = [LOCAL, ROUTE, { kind: 'sysctl', path: 'net/ipv4/tcp_l3mdev_accept', value: '0' }];
  const record = { ...RECORD, made: ['rule 6 950 from 2001:db8::2/128 lookup 1001'], before };
  assert.deepEqual(parseHostRecord(JSON.stringify(record), 'host.json'), record);
});

test('what is no record', async t => {
  const [master] = RECORD.before;
  const wrong: readonly (readonly [string, object | string])[] = [
    ['no JSON', '{'],
    ['no object', '[]'],
    ['another version', { ...RECORD, version: 2 }],
    ['a field too many', { ...RECORD, more: 1 }],
    ['an index that is none', { ...RECORD, links: { eth0: 0 } }],
    ['a link that is none', { ...RECORD, links: { 'eth0;x': 3 } }],
    ['a key of another kind', { ...RECORD, made: ['rule 4 900'] }],
    ['a key with more words', { ...RECORD, made: ['link eth0 up now'] }],
    ['a setting that nobody changes', { ...RECORD, before: [{ ...master, setting: 'group' }] }],
    ['a value with words', { ...RECORD, before: [{ ...master, value: 'none up' }] }],
    ['a state that is none', { ...RECORD, before: [{ ...master, setting: 'state', value: 'on' }] }],
    [
      'another kind',
      { ...RECORD, before: [{ kind: 'fdb-entry', ifname: 'eth0', mac: '02:00:00:00:00:01' }] },
    ],
    [
      'a sysctl of the kernel',
      { ...RECORD, before: [{ kind: 'sysctl', path: 'kernel/core_pattern', value: '1' }] },
    ],
    ['a sysctl above', { ...RECORD, before: [{ kind: 'sysctl', path: 'net/../kernel/x', value: '1' }] }],
    [
      'a sysctl that is a text',
      { ...RECORD, before: [{ kind: 'sysctl', path: 'net/ipv4/x', value: 'cubic' }] },
    ],
    [
      'a rule that does something else',
      { ...RECORD, before: [{ ...LOCAL, action: { do: 'goto', preference: 5 } }] },
    ],
    ['a route with a second line', { ...RECORD, before: [{ ...ROUTE, more: 'src 10.0.0.2\nflush' }] }],
    ['a route with options', { ...RECORD, before: [{ ...ROUTE, more: '-batch /etc/passwd' }] }],
  ];
  for (const [name, content] of wrong)
    await t.test(name, () => {
      const text = typeof content === 'string' ? content : JSON.stringify(content);
      assert.throws(() => parseHostRecord(text, 'host.json'), { exit: 'record', where: 'host.json' });
    });
});
