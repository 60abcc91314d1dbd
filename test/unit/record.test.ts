import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, describe, it } from 'node:test';
import { VmnetError } from '../../lib/core/errors.ts';
import { parseAddress, parsePrefix } from '../../lib/core/model/address.ts';
import { parseIfname } from '../../lib/core/model/ifname.ts';
import { parseMac } from '../../lib/core/model/mac.ts';
import type { NicRecord } from '../../lib/core/model/record.ts';
import { parseMacPrefix } from '../../lib/core/source/policy-words.ts';
import { parseRecord } from '../../lib/core/source/record.ts';
import { deleteRecord, listRecords, readRecord, writeRecord } from '../../lib/host/records.ts';

const W = 'test';
const tap0 = parseIfname('tap0', W);

function routed(name = 'tap0'): NicRecord {
  const ifname = parseIfname(name, W);
  return {
    version: 1,
    state: 'applied',
    request: {
      ifname,
      mode: 'routed',
      instance: 'web1.example.org',
      mac: parseMac('aa:00:00:35:6d:01', W),
      addresses: [parseAddress('192.0.2.10', W), parseAddress('2001:db8:993::10', W)],
      link: 'public_993',
      tags: ['ip-less', 'a tag'],
      nic: { index: 0, name: 'the first', uuid: '8252fabd-1021-411c-b8f7-ed79ed509bb8' },
      network: {
        name: 'public',
        uuid: '7a9e6d3a-0b0c-4b36-8d5b-0c2f3b1f5a11',
        subnet: parsePrefix('192.0.2.0/24', W),
        gateway: parseAddress('192.0.2.1', W),
        subnet6: parsePrefix('2001:db8:993::/64', W),
        gateway6: parseAddress('2001:db8:993::1', W),
        macPrefix: parseMacPrefix('aa:00:00', W),
        tags: [],
      },
    },
    network: {
      name: 'public',
      group: 993,
      hostAccess: false,
      families: [
        {
          family: 4,
          table: 993,
          uplink: parseIfname('bond0.993', W),
          subnet: parsePrefix('192.0.2.0/24', W),
          gateway: parseAddress('192.0.2.1', W),
          arpSource: parseAddress('192.0.2.2', W),
          skeleton: true,
        },
        { family: 6, table: 1993, uplink: parseIfname('bond0.993', W), skeleton: false },
      ],
    },
    policy: {
      filter: 'full',
      unknownFamily: 'drop',
      linkLocal: 'any',
      allowed: [parsePrefix('192.0.2.64/28', W), parsePrefix('2001:db8:993::64/128', W)],
      isolated: true,
      hairpin: false,
      flood: true,
      learning: true,
      firewall: 'limited',
      whitelist: [parsePrefix('2001:db8:5::/48', W)],
      hostServices: [{ protocol: 'udp', port: 53 }],
    },
    ifindex: 17,
    before: [
      { kind: 'link-setting', ifname, setting: 'group', value: '0' },
      { kind: 'link-setting', ifname, setting: 'mac', value: 'fe:00:00:35:6d:01' },
      { kind: 'link-setting', ifname, setting: 'mtu', value: '1500' },
      { kind: 'link-setting', ifname, setting: 'master', value: 'none' },
      { kind: 'link-setting', ifname, setting: 'state', value: 'down' },
      { kind: 'sysctl', path: `net/ipv4/conf/${name}/proxy_arp`, value: '0' },
      { kind: 'sysctl', path: `net/ipv6/neigh/${name}/proxy_delay`, value: '80' },
      { kind: 'sysctl', path: 'net/ipv6/fwmark_reflect', value: '0' },
    ],
    at: '2031-05-04T03:02:01.000Z',
  };
}

function bridged(name: string): NicRecord {
  const { network: _, policy, ...rest } = routed(name);
  const request = {
    ifname: parseIfname(name, W),
    mode: 'bridged',
    addresses: [],
    link: 'br0',
    vlan: '.10:20',
    tags: [],
    network: {},
  } as const;
  const bridged = { addresses: [parseAddress('2001:db8:993::10', W)], network: 'lan' };
  const more =
    policy === undefined ? {} : { policy: { ...policy, macPrefix: parseMacPrefix('aa:00:10', W) } };
  return { ...rest, state: 'pending', request, bridged, ...more, before: [] };
}

describe('parseRecord', () => {
  for (const record of [routed(), bridged('vif1.0')]) {
    it(`takes what was written of a ${record.request.mode} NIC`, () => {
      assert.deepEqual(parseRecord(JSON.stringify(record), 'x'), record);
    });
  }

  it('takes what was written before there were policies', () => {
    const { policy: _, ...record } = routed();
    const { policy: __, bridged: ___, ...other } = bridged('tap1');
    for (const old of [record, other]) assert.deepEqual(parseRecord(JSON.stringify(old), 'x'), old);
  });

  const table: { path: string; value: unknown }[] = [
    { path: 'version', value: 2 },
    { path: 'version', value: undefined },
    { path: 'state', value: 'done' },
    { path: 'ifindex', value: 0 },
    { path: 'at', value: 'yesterday' },
    { path: 'before', value: {} },
    { path: 'network', value: undefined },
    { path: 'surprise', value: 1 },
    { path: 'request.ifname', value: '../tap0' },
    { path: 'request.mode', value: 'bridged' },
    { path: 'request.mac', value: '01:00:00:35:6d:01' },
    { path: 'request.instance', value: 'web1\nroot' },
    { path: 'request.link', value: '' },
    { path: 'request.tags', value: [1] },
    { path: 'request.addresses.0', value: '192.0.2.10' },
    { path: 'request.addresses.0.text', value: '192.0.2.10; reboot' },
    { path: 'request.addresses.0.text', value: '192.0.2.0/24' },
    { path: 'request.addresses.0.family', value: 6 },
    { path: 'request.addresses.1.text', value: '2001:DB8:993::10' },
    { path: 'request.addresses.1.text', value: 'ff02::1' },
    { path: 'request.addresses.1.family', value: 5 },
    { path: 'request.network.subnet.length', value: 25 },
    { path: 'request.network.subnet.text', value: '192.0.2.1/24' },
    { path: 'request.network.subnet', value: parsePrefix('2001:db8::/64', W) },
    { path: 'request.network.gateway6', value: parseAddress('192.0.2.1', W) },
    { path: 'request.network.surprise', value: 'x' },
    { path: 'request.network.macPrefix', value: 'aa:00:00' },
    { path: 'request.network.macPrefix.mac', value: 'AA:00:00:00:00:00' },
    { path: 'request.network.macPrefix.mac', value: 'aa:00:00:00:00:01' },
    { path: 'request.network.macPrefix.mask', value: 'ff:00:ff:00:00:00' },
    { path: 'request.nic.index', value: '0' },
    { path: 'request.nic.index', value: -1 },
    { path: 'request.nic.name', value: 'a\nb' },
    { path: 'request.nic.uuid', value: 1 },
    { path: 'request.nic.surprise', value: 1 },
    { path: 'bridged', value: { addresses: [] } },
    { path: 'policy', value: {} },
    { path: 'policy.surprise', value: 1 },
    { path: 'policy.filter', value: 'ip' },
    { path: 'policy.filter', value: undefined },
    { path: 'policy.unknownFamily', value: 'accept' },
    { path: 'policy.linkLocal', value: true },
    { path: 'policy.allowed', value: undefined },
    { path: 'policy.allowed.0', value: '192.0.2.64/28' },
    { path: 'policy.allowed.0.text', value: '192.0.2.65/28' },
    { path: 'policy.allowed.0.length', value: 29 },
    { path: 'policy.allowed.0', value: parsePrefix('0.0.0.0/0', W) },
    { path: 'policy.allowed.1.text', value: '2001:DB8:993::64/128' },
    { path: 'policy.allowed.1', value: parsePrefix('::/0', W) },
    { path: 'policy.allowed.1', value: parsePrefix('fe80::/10', W) },
    { path: 'policy.isolated', value: 'yes' },
    { path: 'policy.learning', value: undefined },
    { path: 'policy.firewall', value: 'limited; drop' },
    { path: 'policy.whitelist.0.family', value: 4 },
    { path: 'policy.hostServices.0.protocol', value: 'sctp' },
    { path: 'policy.hostServices.0.port', value: 65_536 },
    { path: 'network.group', value: 2 ** 32 },
    { path: 'network.hostAccess', value: 'yes' },
    { path: 'network.families.0.family', value: 5 },
    { path: 'network.families.0.table', value: 99.5 },
    { path: 'network.families.0.uplink', value: 'bond0 993' },
    { path: 'network.families.0.gateway', value: parseAddress('2001:db8::1', W) },
    { path: 'network.families.1.skeleton', value: 0 },
    { path: 'before.0', value: null },
    { path: 'before.0.kind', value: 'route' },
    { path: 'before.0.ifname', value: 'eth0' },
    { path: 'before.0.setting', value: 'alias' },
    { path: 'before.0.value', value: '-1' },
    { path: 'before.1.value', value: 'fe:00' },
    { path: 'before.2.value', value: '1500 group 1' },
    { path: 'before.3.value', value: 'br0;' },
    { path: 'before.4.value', value: 'sideways' },
    { path: 'before.5.path', value: 'kernel/core_pattern' },
    { path: 'before.5.path', value: '/net/ipv4/conf/tap0/proxy_arp' },
    { path: 'before.5.path', value: 'net/ipv4/conf/../ip_forward' },
    { path: 'before.5.path', value: 'net/ipv4/conf/tap0/../proxy_arp' },
    { path: 'before.5.path', value: 'net/ipv4/conf/tap0/proxy_arp\n' },
    { path: 'before.5.value', value: '1\n' },
    { path: 'before.5.value', value: '|/bin/sh' },
  ];
  for (const { path, value } of table) {
    it(`refuses ${path} = ${JSON.stringify(value)}`, () => {
      const text = JSON.stringify(withValue(routed(), path.split('.'), value));
      assert.throws(
        () => parseRecord(text, '/run/vmnet/nics/tap0.json'),
        broken('/run/vmnet/nics/tap0.json'),
      );
    });
  }

  for (const text of ['', '{', 'null', '[]', '"x"', JSON.stringify(routed()).slice(0, -2)]) {
    it(`refuses the text ${JSON.stringify(text.slice(0, 12))}`, () => {
      assert.throws(() => parseRecord(text, 'x'), broken('x'));
    });
  }
});

describe('records', () => {
  const root = mkdtempSync(join(tmpdir(), 'vmnet-record-'));
  let count = 0;
  let state = '';
  beforeEach(() => {
    count += 1;
    state = join(root, String(count), 'vmnet');
  });
  after(() => rmSync(root, { recursive: true }));

  it('are read as they were written, the last one counts, and none is left after delete', () => {
    assert.equal(readRecord(state, tap0), undefined);
    deleteRecord(state, tap0);
    writeRecord(state, { ...routed(), state: 'pending' });
    writeRecord(state, routed());
    assert.deepEqual(readRecord(state, tap0), routed());
    assert.deepEqual(readdirSync(join(state, 'nics')), ['tap0.json']);
    deleteRecord(state, tap0);
    deleteRecord(state, tap0);
    assert.equal(readRecord(state, tap0), undefined);
    assert.deepEqual(listRecords(state), { records: [], broken: [] });
  });

  for (const umask of [0o000, 0o077, 0o277]) {
    it(`are for root alone under umask ${umask.toString(8).padStart(3, '0')}`, () => {
      mkdirSync(state, { recursive: true });
      const before = process.umask(umask);
      try {
        writeRecord(state, routed());
      } finally {
        process.umask(before);
      }
      assert.equal(statSync(join(state, 'nics')).mode & 0o777, 0o700);
      assert.equal(statSync(join(state, 'nics/tap0.json')).mode & 0o777, 0o600);
    });
  }

  it('are listed in the order of people, with what is broken beside them', () => {
    assert.deepEqual(listRecords(state), { records: [], broken: [] });
    const names = ['tap10', 'tap2', 'tap1', 'vif1.0'];
    for (const name of names) writeRecord(state, name === 'vif1.0' ? bridged(name) : routed(name));
    const dir = join(state, 'nics');
    writeFileSync(join(dir, 'tap3.json'), readFileSync(join(dir, 'tap2.json')));
    writeFileSync(join(dir, 'tap4.json'), readFileSync(join(dir, 'tap2.json')).subarray(0, 200));
    writeFileSync(join(dir, 'tap5.json'), '');
    writeFileSync(join(dir, 'notes.txt'), 'x');
    mkdirSync(join(dir, 'tap6.json'));
    // Of a writer that died.
    writeFileSync(join(dir, '-123.tmp'), '{');
    const { records, broken: errors } = listRecords(state);
    assert.deepEqual(
      records.map(record => record.request.ifname),
      ['tap1', 'tap2', 'tap10', 'vif1.0'],
    );
    assert.deepEqual(
      errors.map(error => error.where?.slice(dir.length + 1)),
      ['notes.txt', 'tap3.json', 'tap4.json', 'tap5.json', 'tap6.json'],
    );
    for (const error of errors) broken(error.where ?? '')(error);
    assert.throws(() => readRecord(state, parseIfname('tap3', W)), broken(join(dir, 'tap3.json')));
  });

  it('that cannot be written leave nothing behind', () => {
    mkdirSync(join(state, 'nics/tap0.json/x'), { recursive: true });
    assert.throws(() => writeRecord(state, routed()), broken(join(state, 'nics/tap0.json')));
    assert.deepEqual(readdirSync(join(state, 'nics')), ['tap0.json']);
    writeFileSync(join(root, 'file'), '');
    assert.throws(() => writeRecord(join(root, 'file'), routed()), { exit: 'record' });
    assert.equal(listRecords(join(root, 'file')).broken.length, 1);
  });
});

/** A copy with the value at the path; undefined removes the field. */
function withValue(json: unknown, [head, ...rest]: readonly string[], value: unknown): unknown {
  const copy: Record<string, unknown> = structuredClone(json) as never;
  copy[head ?? ''] = rest.length === 0 ? value : withValue(copy[head ?? ''], rest, value);
  return copy;
}

function broken(where: string): (error: unknown) => true {
  return error => {
    assert.ok(error instanceof VmnetError);
    assert.equal(error.exit, 'record');
    assert.equal(error.where, where);
    assert.ok(error.hint);
    return true;
  };
}
