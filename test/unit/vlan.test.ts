import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nicObjects } from '../../lib/core/desired/nic.ts';
import { resolveNic } from '../../lib/core/desired/resolve.ts';
import { VmnetError } from '../../lib/core/errors.ts';
import type { Ifname } from '../../lib/core/model/ifname.ts';
import type { Nic } from '../../lib/core/model/network.ts';
import { type KernelObject, textOf } from '../../lib/core/model/object.ts';
import type { NicRequest } from '../../lib/core/model/request.ts';
import { vlansOf } from '../../lib/core/model/vlan.ts';
import { vlanQuestion } from '../../lib/core/observed/bridge.ts';
import { joined } from '../../lib/core/plan/joined.ts';
import { checkCarriers, checkVlanLinks } from '../../lib/core/verify/surroundings.ts';
import { memoryWorld } from '../support/memory-world.ts';
import { inVlans, routed, switched } from '../support/world.ts';

const { config, rtTables } = memoryWorld().context;
const resolved = (request: NicRequest): Nic => resolveNic(request, { config, rtTables, routes: [] });

test("Ganeti's words for the VLANs of a port", () => {
  for (const [text, vlans] of [
    ['10', { untagged: 10, tagged: [] }],
    ['.10', { untagged: 10, tagged: [] }],
    [':10', { tagged: [10] }],
    [':20:10:20', { tagged: [10, 20] }],
    ['.10:20:30', { untagged: 10, tagged: [20, 30] }],
    ['.10:10:20', { untagged: 10, tagged: [20] }],
  ] as const)
    assert.deepEqual(vlansOf(text), vlans, text);
});

test('what `bridge vlan show` prints, one by one and as ranges', () => {
  const rows = [
    {
      ifname: 'tap0',
      vlans: [
        { vlan: 10, flags: ['PVID', 'Egress Untagged'] },
        { vlan: 20, vlanEnd: 22 },
        { vlan: 30, flags: ['PVID'] },
      ],
    },
    { ifname: 'lo' },
  ];
  assert.deepEqual(vlanQuestion('all').read(rows).objects.map(textOf), [
    'bridge-vlan 10 dev tap0 pvid untagged',
    'bridge-vlan 20 dev tap0',
    'bridge-vlan 21 dev tap0',
    'bridge-vlan 22 dev tap0',
    'bridge-vlan 30 dev tap0 pvid',
  ]);
});

test('a guest may send the tags of its trunk, and no other', () => {
  for (const [vlan, dropped] of [
    ['.10', 'ether type 8021q counter drop'],
    [':10:20', 'ether type 8021q vlan id != { 10, 20 } counter drop'],
    ['.10:20', 'ether type 8021q vlan id != { 20 } counter drop'],
  ] as const) {
    for (const request of [inVlans('tap0', 5, vlan), switched('tap0', 5, vlan)]) {
      const objects = nicObjects(resolved(request), config.settings, new Map());
      const rules = objects.flatMap(object => (object.kind === 'nft-chain' ? object.rules : []));
      assert.ok(
        rules.some(({ text }) => text === dropped),
        `${request.mode} ${vlan}`,
      );
      assert.ok(rules.some(({ text }) => text === 'ether type 8021ad counter drop'));
    }
  }
});

test('a routed NIC has no VLAN', () =>
  refused(() => resolved({ ...routed('tap0', 5), vlan: '.10' }), 'request', '.10'));

test('bridges that cannot carry a VLAN', () => {
  const nic = resolved(inVlans('tap0', 5, '.10'));
  const facts = { ifindex: 1, mac: '02:00:00:00:00:01' as never, mtu: 1500, up: true, group: 0 };
  const links = (bridgeVlans: object | undefined, master = 'br2') =>
    new Map([
      [
        'br2',
        { ...facts, ifname: 'br2' as Ifname, type: 'bridge', ...(bridgeVlans as { bridgeVlans?: never }) },
      ],
      ['trunk0', { ...facts, ifname: 'trunk0' as Ifname, master }],
    ]);
  const aware = { bridgeVlans: { filtering: true, protocol: '802.1Q', defaultPvid: 1 } };
  checkCarriers(nic, links(aware));
  refused(() => checkCarriers(nic, links({})), 'request', 'br2');
  refused(
    () => checkCarriers(nic, links({ bridgeVlans: { ...aware.bridgeVlans, filtering: false } })),
    'request',
    'br2',
  );
  refused(
    () => checkCarriers(nic, links({ bridgeVlans: { ...aware.bridgeVlans, protocol: '802.1ad' } })),
    'request',
    '802.1ad',
  );
  refused(() => checkCarriers(nic, links(aware, 'br9')), 'config', 'trunk0');
});

test('a VLAN interface on the uplink takes the VLAN', () => {
  const nic = resolved(inVlans('tap0', 5, '.10'));
  const taken = (ifname: string, parent: string, id: number) => () =>
    checkVlanLinks(nic, { objects: [], links: new Map(), vlanLinks: [{ ifname, parent, id }] });
  refused(taken('trunk0.10', 'trunk0', 10), 'config', 'trunk0.10');
  taken('trunk0.20', 'trunk0', 20)();
  taken('up0.10', 'up0', 10)();
});

test('what a port has of another bridge is gone when it joins, and a static entry is made again for another VLAN', () => {
  const ifname = 'tap0' as Ifname;
  const vlan = (id: number) => ({ kind: 'bridge-vlan', ifname, id, pvid: true, untagged: true }) as const;
  const entry = { kind: 'fdb-entry', ifname, mac: '02:00:00:00:00:01' as never } as const;
  const master = (value: string) => ({ kind: 'link-setting', ifname, setting: 'master', value }) as const;
  const learning = { kind: 'link-setting', ifname, setting: 'learning', value: 'on' } as const;
  const links = new Map();
  const texts = (observed: readonly KernelObject[], desired: readonly KernelObject[]) =>
    joined(observed, desired, links).map(textOf);
  const found = [master('br0'), vlan(10), entry, learning];
  assert.deepEqual(texts(found, [master('br0'), vlan(10), entry]), found.map(textOf));
  assert.deepEqual(
    texts(found, [master('br0'), vlan(20), entry]),
    [master('br0'), vlan(10), learning].map(textOf),
  );
  assert.deepEqual(texts(found, [master('br2'), vlan(10), entry]), [textOf(master('br0'))]);
});

function refused(work: () => unknown, exit: string, word: string): void {
  assert.throws(work, (error: unknown) => {
    assert.ok(error instanceof VmnetError);
    assert.equal(error.exit, exit);
    assert.ok(`${error.message} ${error.where}`.includes(word), error.message);
    return true;
  });
}
