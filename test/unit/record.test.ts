import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseAddress, parsePrefix } from '../../lib/core/model/address.ts';
import { parseRecord } from '../../lib/core/source/record.ts';
import { bridged, broken, routed, W } from '../support/recorded.ts';

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
    { path: 'request.phase', value: 'leaving' },
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

/** A copy with the value at the path; undefined removes the field. */
function withValue(json: unknown, [head, ...rest]: readonly string[], value: unknown): unknown {
  const copy: Record<string, unknown> = structuredClone(json) as never;
  copy[head ?? ''] = rest.length === 0 ? value : withValue(copy[head ?? ''], rest, value);
  return copy;
}
