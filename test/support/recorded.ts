// Records as attach writes them.
import assert from 'node:assert/strict';
import { VmnetError } from '../../lib/core/errors.ts';
import { parseAddress, parsePrefix } from '../../lib/core/model/address.ts';
import { parseIfname } from '../../lib/core/model/ifname.ts';
import { parseMac } from '../../lib/core/model/mac.ts';
import type { NicRecord } from '../../lib/core/model/record.ts';
import { parseMacPrefix } from '../../lib/core/source/policy-words.ts';

export const W = 'test';
export function routed(name = 'tap0'): NicRecord {
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
    routeProtocol: 186,
    rulePreference: 700,
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

export function bridged(name: string): NicRecord {
  const { network: _, routeProtocol: __, rulePreference: ___, policy, ...rest } = routed(name);
  const request = {
    ifname: parseIfname(name, W),
    mode: 'bridged',
    addresses: [],
    link: 'br0',
    vlan: '.10:20',
    tags: [],
    network: {},
  } as const;
  const bridged = {
    addresses: [parseAddress('2001:db8:993::10', W)],
    gateways: [parseAddress('192.0.2.1', W), parseAddress('2001:db8:993::1', W)],
    network: 'lan',
  };
  const more =
    policy === undefined ? {} : { policy: { ...policy, macPrefix: parseMacPrefix('aa:00:10', W) } };
  return { ...rest, state: 'pending', request, bridged, ...more, before: [] };
}

export function broken(where: string): (error: unknown) => true {
  return error => {
    assert.ok(error instanceof VmnetError);
    assert.equal(error.exit, 'record');
    assert.equal(error.where, where);
    assert.ok(error.hint);
    return true;
  };
}
