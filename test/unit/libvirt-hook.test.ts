import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { VmnetError } from '../../lib/core/errors.ts';
import {
  type LibvirtNetworkData,
  parseNetworkHookArguments,
  parseQemuHookArguments,
  readLibvirtNetworkData,
} from '../../lib/core/source/libvirt-hook.ts';

const FIXTURES = join(import.meta.dirname, '../fixtures/libvirt');

function refused(run: () => unknown, where: string): void {
  assert.throws(run, (error: unknown) => {
    assert.ok(error instanceof VmnetError, String(error));
    assert.equal(error.exit, 'request');
    assert.equal(error.where, where);
    return true;
  });
}

test('what the qemu hook is called for', () => {
  const table: [string, string, string, boolean][] = [
    ['prepare begin -', 'admit', 'refused', false],
    ['start begin -', 'nothing', 'refused', false],
    ['started begin -', 'up', 'refused', false],
    ['stopped end -', 'down', 'ignored', false],
    ['release end migrated', 'collect', 'ignored', false],
    ['migrate begin -', 'nothing', 'refused', true],
    ['restore begin -', 'nothing', 'refused', true],
    ['reconnect begin -', 'again', 'killed', false],
    ['attach begin -', 'again', 'refused', false],
    // What a later libvirt may add must not be answered with text.
    ['thaw begin -', 'nothing', 'refused', true],
    ['started end -', 'nothing', 'refused', true],
    ['constructor begin -', 'nothing', 'refused', true],
  ];
  for (const [args, action, onFailure, filter] of table) {
    const call = parseQemuHookArguments(['web 1', ...args.split(' ')]);
    assert.deepEqual(
      [call.object, call.action, call.onFailure, call.filter],
      ['web 1', action, onFailure, filter],
      args,
    );
  }
});

test('why a domain was released, since libvirt tells', () => {
  const reason = (...args: string[]) => parseQemuHookArguments(['web1', ...args]).reason;
  assert.equal(reason('release', 'end', 'from snapshot'), 'from snapshot');
  assert.equal(reason('release', 'end', '-'), undefined);
  assert.equal(reason('release', 'end'), undefined);
  assert.equal(reason('stopped', 'end', 'x'), undefined);
});

test('what the network hook is called for', () => {
  const table: [string, string][] = [
    ['start begin', 'nothing'],
    ['started begin', 'nothing'],
    ['stopped end', 'collect'],
    ['updated begin', 'nothing'],
    ['port-created begin', 'nothing'],
    ['plugged begin', 'nothing'],
    ['port-deleted begin', 'collect'],
    ['unplugged begin', 'collect'],
  ];
  for (const [args, action] of table) {
    assert.equal(parseNetworkHookArguments(['lan', ...args.split(' '), '-']).action, action, args);
  }
});

test('arguments that libvirt does not give', () => {
  for (const args of [[], ['web1'], ['web1', 'started'], ['', 'started', 'begin', '-']]) {
    refused(() => parseQemuHookArguments(args), JSON.stringify(args.join(' ')));
  }
});

test('what the network hook finds on stdin', () => {
  const port = { owner: 'db1', mac: '52:54:00:00:01:01' };
  const table: [string, unknown][] = [
    [
      'network-port-created.xml',
      { network: 'lan', bridge: 'br1', forward: 'bridge', port: { ...port, type: 'bridge', bridge: 'br1' } },
    ],
    [
      'network-plugged.xml',
      {
        network: 'default',
        bridge: 'virbr0',
        forward: 'nat',
        port: { ...port, type: 'network', bridge: 'virbr0' },
      },
    ],
  ];
  for (const [file, expected] of table) {
    assert.deepEqual(readLibvirtNetworkData(file, readFileSync(join(FIXTURES, file), 'utf8')), expected);
  }
  const read = (inner: string): LibvirtNetworkData =>
    readLibvirtNetworkData('stdin', `<hookData>${inner}</hookData>`);
  assert.deepEqual(read('<network><name>apart</name></network>'), { network: 'apart' });
  refused(() => read(''), 'stdin');
  refused(() => read('<network/>'), 'stdin');
  refused(() => read('<network><name>a</name></network>\n<networkport/>'), 'stdin:2');
  refused(() => readLibvirtNetworkData('stdin', '<network><name>a</name></network>'), 'stdin');
});
