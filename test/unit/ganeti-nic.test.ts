import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { VmnetError } from '../../lib/core/errors.ts';
import { isCommunicationTap } from '../../lib/core/source/communication-tap.ts';
import { requestFromGanetiEnv } from '../../lib/core/source/ganeti-nic.ts';

type Env = Record<string, string>;

const FIXTURES = join(import.meta.dirname, '../fixtures/ganeti');

function recorded(path: string): Env {
  const lines = readFileSync(join(FIXTURES, path), 'utf8').split('\n');
  const pairs = lines.filter(line => line !== '' && !line.startsWith('#')).map(line => line.split(/=(.*)/s));
  return Object.fromEntries(pairs.map(([key = '', value = '']) => [key, value]));
}

const ROUTED = recorded('mainline-3.0/start/01-node1-kvm-vif-bridge.env');

function refused(env: Env, variable: string): void {
  assert.throws(
    () => requestFromGanetiEnv(env),
    (error: unknown) => {
      assert.ok(error instanceof VmnetError, `${variable}=${env[variable]}: ${error}`);
      assert.equal(error.exit, 'request');
      assert.equal(error.where, `$${variable}`);
      return true;
    },
    `${variable}=${JSON.stringify(env[variable])}`,
  );
}

function given<T>(text: string | undefined, parse: (text: string) => T): T | undefined {
  return text === undefined ? undefined : parse(text);
}

test('every environment that Ganeti was seen to give', async t => {
  const files = globSync('**/*.env', { cwd: FIXTURES }).sort();
  const seen = new Set(files.map(file => basename(file).replace(/^.*-kvm-/, 'kvm-')));
  assert.deepEqual([...seen].sort(), ['kvm-ifdown-custom.env', 'kvm-ifup-custom.env', 'kvm-vif-bridge.env']);
  for (const file of files) {
    await t.test(file, () => {
      const env = recorded(file);
      const request = requestFromGanetiEnv(env);
      assert.equal(request.ifname, env.INTERFACE);
      assert.equal(request.mode, env.MODE);
      assert.equal(request.mac, env.MAC);
      assert.equal(request.instance, env.INSTANCE);
      assert.equal(request.link, env.LINK);
      assert.deepEqual(
        request.addresses.map(address => address.text),
        env.IP === undefined ? [] : [env.IP],
      );
      assert.equal(request.network.name, env.NETWORK_NAME);
      assert.equal(request.network.subnet?.text, env.NETWORK_SUBNET);
      assert.equal(request.network.gateway6?.text, env.NETWORK_GATEWAY6);
      assert.equal('vlan' in request, false);
      assert.deepEqual(
        [request.nic?.index, request.nic?.name, request.nic?.uuid],
        [given(env.INTERFACE_INDEX, Number), env.INTERFACE_NAME, env.INTERFACE_UUID],
      );
      const prefix = env.NETWORK_MAC_PREFIX;
      assert.equal(
        request.network.macPrefix?.mac,
        given(prefix, text => `${text}:00:00:00`),
      );
    });
  }
});

test('a routed NIC in a network with both families', () => {
  const env: Env = { ...ROUTED, TAGS: 'web prod', NETWORK_TAGS: 'routed foo:bar' };
  assert.deepEqual(requestFromGanetiEnv(env), {
    ifname: 'tap0',
    mode: 'routed',
    instance: 'i1.example.test',
    mac: env.MAC,
    link: '100',
    addresses: [{ family: 4, text: '10.50.0.4' }],
    tags: ['prod', 'web'],
    nic: { index: 0, name: 'nic0', uuid: env.INTERFACE_UUID },
    network: {
      name: 'net1',
      uuid: env.NETWORK_UUID,
      subnet: { family: 4, address: '10.50.0.0', length: 24, text: '10.50.0.0/24' },
      gateway: { family: 4, text: '10.50.0.1' },
      subnet6: { family: 6, address: '2001:db8:50::', length: 64, text: '2001:db8:50::/64' },
      gateway6: { family: 6, text: '2001:db8:50::1' },
      macPrefix: { mac: 'aa:00:50:00:00:00', mask: 'ff:ff:ff:00:00:00' },
      tags: ['foo:bar', 'routed'],
    },
  });
});

test('a bridged NIC without network, address and tags', () => {
  const env = {
    BRIDGE: 'br0',
    INSTANCE: 'i2.example.test',
    INTERFACE: 'tap3',
    INTERFACE_INDEX: '2',
    LINK: 'br0',
    MAC: 'aa:00:00:a3:a2:c8',
    MODE: 'bridged',
    TAGS: '',
    VLAN: '.10:20',
  };
  const expected = {
    ifname: 'tap3',
    mode: 'bridged',
    instance: 'i2.example.test',
    mac: 'aa:00:00:a3:a2:c8',
    link: 'br0',
    vlan: '.10:20',
    addresses: [],
    tags: [],
    nic: { index: 2 },
    network: {},
  };
  assert.deepEqual(requestFromGanetiEnv(env), expected);
  assert.deepEqual(requestFromGanetiEnv({ ...env, LINK: '' }), expected);
});

test('what a NIC is called is any text, and its index a number', () => {
  const nicOf = (env: Env) => requestFromGanetiEnv({ ...ROUTED, ...env }).nic;
  assert.equal(nicOf({ INTERFACE_NAME: 'the upper one, ünten' })?.name, 'the upper one, ünten');
  assert.equal('name' in (nicOf({ INTERFACE_NAME: '' }) ?? {}), false);
  assert.equal(nicOf({ INTERFACE_INDEX: '', INTERFACE_NAME: '', INTERFACE_UUID: '' }), undefined);
  for (const INTERFACE_INDEX of ['-1', '01', '1.5', 'x', '100000'])
    refused({ ...ROUTED, INTERFACE_INDEX }, 'INTERFACE_INDEX');
  for (const INTERFACE_NAME of ['a\nb', 'a\0', 'x'.repeat(256)])
    refused({ ...ROUTED, INTERFACE_NAME }, 'INTERFACE_NAME');
  for (const NETWORK_MAC_PREFIX of ['aa:00', '01:00:5e', 'aa:00:50:00:00:00'])
    refused({ ...ROUTED, NETWORK_MAC_PREFIX }, 'NETWORK_MAC_PREFIX');
});

test('an IPv6 address is an address', () => {
  const env = { ...ROUTED, IP: '2001:DB8:50::4' };
  assert.deepEqual(requestFromGanetiEnv(env).addresses, [{ family: 6, text: '2001:db8:50::4' }]);
});

test('the order in which tags come makes no difference', () => {
  const [one, other] = ['web prod', 'prod web web'].map(TAGS => requestFromGanetiEnv({ ...ROUTED, TAGS }));
  assert.deepEqual(one, other);
});

test('after a failed migration Ganeti calls the down script for a tap that never was', () => {
  const { INTERFACE: _, ...env } = recorded('grnet-fork/migrate-fails/02-node1-kvm-ifdown-custom.env');
  refused(env, 'INTERFACE');
});

test('what every NIC has must be there', () => {
  for (const variable of ['INTERFACE', 'MODE', 'MAC', 'INSTANCE']) {
    const { [variable]: _, ...rest } = ROUTED;
    refused(rest, variable);
    refused({ ...ROUTED, [variable]: '' }, variable);
  }
});

test('modes that vmnet does not have', () => {
  for (const MODE of ['ext', 'Routed', 'route']) refused({ ...ROUTED, MODE }, 'MODE');
});

test('VLANs', () => {
  for (const VLAN of ['.1', '.4094', '10', ':10', ':10:20', '.10:20', '.10:20:30']) {
    assert.equal(requestFromGanetiEnv({ ...ROUTED, VLAN }).vlan, VLAN);
  }
  for (const VLAN of [
    '.0',
    '.4095',
    '0',
    '.',
    ':',
    '::',
    '.10.20',
    ':10.20',
    '10:20',
    '.10:',
    ':10:4095',
    '.010',
    'x',
    '.-1',
  ]) {
    refused({ ...ROUTED, VLAN }, 'VLAN');
  }
});

test('a family in the place of the other', () => {
  const table: [string, string][] = [
    ['NETWORK_SUBNET', '2001:db8::/64'],
    ['NETWORK_GATEWAY', '2001:db8::1'],
    ['NETWORK_SUBNET6', '192.0.2.0/24'],
    ['NETWORK_GATEWAY6', '192.0.2.1'],
  ];
  for (const [variable, value] of table) refused({ ...ROUTED, [variable]: value }, variable);
});

test('hostile values in every variable', () => {
  const values = ['tap0\nx', 'a"b', "b'tap0'", 'a;b', '$(x)', '`x`', 'a\\b', 'é', 'a\0', 'x'.repeat(5000)];
  const variables = [
    'INTERFACE',
    'INSTANCE',
    'MAC',
    'MODE',
    'IP',
    'LINK',
    'VLAN',
    'TAGS',
    'NETWORK_NAME',
    'NETWORK_UUID',
  ];
  const network = [
    'NETWORK_SUBNET',
    'NETWORK_GATEWAY',
    'NETWORK_SUBNET6',
    'NETWORK_GATEWAY6',
    'NETWORK_TAGS',
    'NETWORK_MAC_PREFIX',
    'INTERFACE_INDEX',
    'INTERFACE_UUID',
  ];
  for (const variable of [...variables, ...network]) {
    const tags = variable.endsWith('TAGS');
    // Ganeti's own tags may have slashes in them and start with a dash; vmnet puts none in a command or a path.
    const more = tags ? [] : ['-x', 'a/b', '../x', 'a b'];
    for (const value of [...values, ...more]) refused({ ...ROUTED, [variable]: value }, variable);
  }
  for (const MODE of ['bridged', 'routed']) {
    for (const LINK of ['-x', 'a/b', 'a b', 'br0\n']) refused({ ...ROUTED, MODE, LINK }, 'LINK');
  }
  refused({ ...ROUTED, MODE: 'bridged', LINK: '', BRIDGE: '-x' }, 'BRIDGE');
});

test("Ganeti's own taps", () => {
  assert.equal(isCommunicationTap('gnt.com.0'), true);
  for (const name of ['tap0', 'gnt.com', 'gntxcom.0', 'xgnt.com.0'])
    assert.equal(isCommunicationTap(name), false);
});
