import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VmnetError } from '../../lib/core/errors.ts';
import {
  parseXenCall,
  requestFromXen,
  type XenVifKeys,
  xenLinkName,
  xenNamePath,
  xenNicName,
} from '../../lib/core/source/xen-vif.ts';

const VIF = { vif: 'vif3.1', XENBUS_PATH: 'backend/vif/3/1', XENBUS_TYPE: 'vif', netdev: '' };
const EMULATED = { ...VIF, INTERFACE: 'vif3.1-emu' };
const CALL = parseXenCall(['online', 'type_if=vif'], VIF);

function refused(run: () => unknown, where: string): void {
  assert.throws(run, (error: unknown) => {
    assert.ok(error instanceof VmnetError, String(error));
    assert.equal(error.exit, 'request');
    assert.equal(error.where, where);
    return true;
  });
}

test('which call is for which device', () => {
  const table: [string[], Record<string, string>, [string, string]][] = [
    [['online', 'type_if=vif'], VIF, ['up', 'vif3.1']],
    [['offline', 'type_if=vif'], VIF, ['down', 'vif3.1']],
    [['online'], VIF, ['up', 'vif3.1']],
    [['online', 'type_if=vif'], EMULATED, ['up', 'vif3.1']],
    [['add', 'type_if=tap'], EMULATED, ['up', 'vif3.1-emu']],
    [['remove', 'type_if=tap'], EMULATED, ['down', 'vif3.1-emu']],
    [['add', 'type_if=vif'], EMULATED, ['nothing', 'vif3.1']],
    [['online', 'type_if=tap'], EMULATED, ['nothing', 'vif3.1-emu']],
  ];
  for (const [args, env, expected] of table) {
    const { operation, device, domain, index, path } = parseXenCall(args, env);
    assert.deepEqual([operation, device], expected, args.join(' '));
    assert.deepEqual([domain, index, path], [3, 1, 'backend/vif/3/1']);
  }
  assert.equal(xenNamePath(CALL), '/local/domain/3/name');
  const { XENBUS_PATH: _, ...withoutPath } = EMULATED;
  assert.equal(parseXenCall(['add', 'type_if=tap'], withoutPath).path, 'backend/vif/3/1');
});

test('a name of its own is the link that the script makes', () => {
  const tap = parseXenCall(['add', 'type_if=tap'], EMULATED);
  const table: [typeof tap, XenVifKeys, string][] = [
    [CALL, {}, 'vif3.1'],
    [CALL, { vifname: '' }, 'vif3.1'],
    [CALL, { vifname: 'web1' }, 'web1'],
    [tap, {}, 'vif3.1-emu'],
    [tap, { vifname: 'web1' }, 'web1-emu'],
  ];
  for (const [call, keys, name] of table) {
    assert.equal(xenLinkName(call, keys), name);
    assert.equal(xenNicName(call, keys), name.replace('-emu', ''));
  }
  refused(() => xenLinkName(tap, { vifname: 'much-too-long1' }), 'backend/vif/3/1/vifname');
});

test('requests', () => {
  const mac = '00:16:3E:00:00:01';
  const bridged = { ifname: 'vif3.1', instance: 'web1', mac: '00:16:3e:00:00:01', tags: [], network: {} };
  assert.deepEqual(requestFromXen(CALL, { mac, bridge: 'br0.100' }, 'web1'), {
    ...bridged,
    mode: 'bridged',
    link: 'br0.100',
    addresses: [],
  });
  assert.deepEqual(requestFromXen(CALL, { mac, bridge: '', ip: '192.0.2.9/32  2001:DB8::9' }, 'web1'), {
    ...bridged,
    mode: 'routed',
    addresses: [
      { family: 4, text: '192.0.2.9' },
      { family: 6, text: '2001:db8::9' },
    ],
  });
});

test('a guest that is on its way is the guest', () => {
  const keys = { mac: '00:16:3e:00:00:01', bridge: 'br0' };
  assert.equal(requestFromXen(CALL, keys, 'web1--incoming').instance, 'web1');
});

test('bad calls and values', () => {
  for (const word of ['', 'move', 'Online', 'constructor'])
    refused(() => parseXenCall([word], VIF), 'argument 1');
  refused(() => parseXenCall(['online', 'type_if=tun'], VIF), 'type_if');
  refused(() => parseXenCall(['online'], {}), '$vif');
  refused(() => parseXenCall(['add'], VIF), '$INTERFACE');
  refused(() => parseXenCall(['online'], { ...VIF, vif: '../x' }), '$vif');
  for (const XENBUS_PATH of ['x', 'backend/vif/3', 'backend/../3/1', 'backend/vif/3/1; x', '-x/vif/3/1']) {
    refused(() => parseXenCall(['online'], { ...VIF, XENBUS_PATH }), '$XENBUS_PATH');
  }
  refused(() => parseXenCall(['online'], { vif: 'web1' }), '$XENBUS_PATH');
  const mac = '00:16:3e:00:00:01';
  const table: [XenVifKeys, string][] = [
    [{}, 'mac'],
    [{ mac: 'x' }, 'mac'],
    [{ mac, bridge: 'a/b' }, 'bridge'],
    [{ mac, bridge: 'ovs0:10:20' }, 'bridge'],
    [{ mac, ip: '192.0.2.0/24' }, 'ip'],
    [{ mac, ip: '192.0.2.1;x' }, 'ip'],
  ];
  for (const [keys, key] of table)
    refused(() => requestFromXen(CALL, keys, 'web1'), `backend/vif/3/1/${key}`);
  refused(() => requestFromXen(CALL, { mac }, '../x'), '/local/domain/3/name');
});
