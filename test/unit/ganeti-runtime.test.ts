import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { VmnetError } from '../../lib/core/errors.ts';
import { parseIfname } from '../../lib/core/model/ifname.ts';
import type { NicRequest } from '../../lib/core/model/request.ts';
import { requestFromGanetiEnv } from '../../lib/core/source/ganeti-nic.ts';
import {
  type GanetiTapFile,
  ganetiRuntimePath,
  instanceOfTap,
  requestFromGanetiRuntime,
} from '../../lib/core/source/ganeti-runtime.ts';

type Nic = Record<string, unknown>;

const PATH = 'i2.runtime';
const TEXT = readFileSync(
  join(import.meta.dirname, '../fixtures/ganeti-runtime/i2.example.test.runtime'),
  'utf8',
);
const [COMMAND, [ROUTED, BRIDGED], ...REST] = JSON.parse(TEXT) as [unknown, [Nic, Nic], ...unknown[]];

function taps(byIndex: Record<string, string>, instance = 'i2.example.test'): GanetiTapFile[] {
  return Object.entries(byIndex).map(([index, text]) => ({ instance, index, text }));
}

function requestOf(tap: string, files: GanetiTapFile[], nics: Nic[] = [ROUTED, BRIDGED]): NicRequest {
  const text = JSON.stringify([COMMAND, nics, ...REST]);
  return requestFromGanetiRuntime({ path: PATH, text }, files, parseIfname(tap, 'tap'));
}

function refused(run: () => unknown, where: string): void {
  assert.throws(run, (error: unknown) => {
    assert.ok(error instanceof VmnetError, String(error));
    assert.equal(error.exit, 'request');
    assert.equal(error.where, where);
    return true;
  });
}

test('a NIC by hand is what the NIC script was told', () => {
  const files = taps({ 0: 'tap4', 1: 'tap5\n' });
  const ofInstance = { INSTANCE: 'i2.example.test' };
  assert.deepEqual(
    requestFromGanetiRuntime({ path: PATH, text: TEXT }, files, parseIfname('tap4', 'tap')),
    requestFromGanetiEnv({
      ...ofInstance,
      INTERFACE: 'tap4',
      INTERFACE_INDEX: '0',
      INTERFACE_NAME: 'nic0',
      INTERFACE_UUID: '0f4ea97d-158b-4cbe-b32a-7f6f0d772d8e',
      MAC: 'aa:00:50:60:19:b4',
      IP: '10.50.0.5',
      MODE: 'routed',
      LINK: '100',
      NETWORK_NAME: 'net1',
      NETWORK_UUID: '77d77a35-f8c1-4588-9e46-d83f83376ef6',
      NETWORK_SUBNET: '10.50.0.0/24',
      NETWORK_GATEWAY: '10.50.0.1',
      NETWORK_SUBNET6: '2001:db8:50::/64',
      NETWORK_GATEWAY6: '2001:db8:50::1',
      NETWORK_MAC_PREFIX: 'aa:00:50',
      NETWORK_TAGS: 'foo:bar routed',
    }),
  );
  assert.deepEqual(requestOf('tap5', files), {
    ifname: 'tap5',
    mode: 'bridged',
    instance: 'i2.example.test',
    mac: 'aa:00:00:a3:a2:c8',
    link: 'br0',
    vlan: '.10',
    addresses: [],
    tags: [],
    nic: { index: 1, uuid: BRIDGED.uuid },
    network: {},
  });
});

test('an instance by its tap', () => {
  const files = [...taps({ 0: 'tap0' }, 'i1'), ...taps({ 0: 'tap1', 1: 'tap10' })];
  const of = (tap: string) => instanceOfTap(files, parseIfname(tap, 'tap'));
  assert.deepEqual(
    [of('tap0'), of('tap1'), of('tap10'), of('tap')],
    ['i1', 'i2.example.test', 'i2.example.test', undefined],
  );
  const twice = [...files, ...taps({ 0: 'tap0' }, 'i3')];
  refused(() => instanceOfTap(twice, parseIfname('tap0', 'tap')), '/var/run/ganeti/kvm-hypervisor/nic');
  assert.equal(ganetiRuntimePath('i1'), '/var/run/ganeti/kvm-hypervisor/conf/i1.runtime');
  refused(() => ganetiRuntimePath('../x'), '/var/run/ganeti/kvm-hypervisor/nic');
});

test('NICs that came and went while the instance ran', () => {
  const at = (nic: Nic, addr: string) => ({ ...nic, hvinfo: { addr } });
  // The first was taken away: its file is gone and the other keeps its name.
  assert.equal(requestOf('tap5', taps({ 1: 'tap5' }), [BRIDGED]).mode, 'bridged');
  // The tenth comes after the ninth, and not after the first.
  const ten = Array.from({ length: 11 }, (_, i) =>
    at(i === 10 ? BRIDGED : ROUTED, `0x${(i + 3).toString(16)}`),
  );
  const names = Object.fromEntries(ten.map((_, i) => [String(i), `tap${i}`]));
  assert.equal(requestOf('tap10', taps(names).reverse(), ten).mode, 'bridged');
  // The first was changed: it has its old slot, and stands at the end.
  refused(() => requestOf('tap4', taps({ 0: 'tap4', 1: 'tap5' }), [BRIDGED, ROUTED]), PATH);
  // One was added at the place of another, whose file it has overwritten.
  refused(() => requestOf('tap4', taps({ 1: 'tap4' })), PATH);
  refused(() => requestOf('tap4', taps({ 0: 'tap4', 1: 'tap5' }), [ROUTED]), PATH);
  refused(() => requestOf('tap9', taps({ 0: 'tap4', 1: 'tap5' })), PATH);
  // Before Ganeti kept slots, it could not change a running NIC.
  const old = [ROUTED, BRIDGED].map(({ hvinfo: _, ...nic }) => nic);
  assert.equal(requestOf('tap5', taps({ 0: 'tap4', 1: 'tap5' }), old).mode, 'bridged');
});

test('what is no runtime file', () => {
  const read = (text: string) => () =>
    requestFromGanetiRuntime({ path: PATH, text }, taps({ 0: 'tap4' }), parseIfname('tap4', 'tap'));
  for (const text of ['', '{', '{}', '[]', 'null', '[[], 5]', '[[], [5]]', '[[], {"0": {}}]'])
    refused(read(text), PATH);
});

test('bad values, by their place', () => {
  const table: [string, Nic][] = [
    ['mac', { mac: 'x' }],
    ['mac', { mac: null }],
    ['ip', { ip: '10.0.0.300' }],
    ['ip', { ip: 5 }],
    ['nicparams.mode', { nicparams: { link: '100' } }],
    ['nicparams.mode', { nicparams: 'routed' }],
    ['nicparams.vlan', { nicparams: { mode: 'routed', link: '100', vlan: '5000' } }],
    ['netinfo.gateway', { netinfo: { gateway: '2001:db8::1' } }],
    ['netinfo.tags', { netinfo: { tags: ['a"b'] } }],
  ];
  for (const [field, change] of table) {
    refused(
      () => requestOf('tap4', taps({ 0: 'tap4' }), [{ ...ROUTED, ...change }]),
      `${PATH}: NIC 0: ${field}`,
    );
  }
});
