import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resolveNic } from '../../lib/core/desired/resolve.ts';
import { VmnetError } from '../../lib/core/errors.ts';
import { parseIfname } from '../../lib/core/model/ifname.ts';
import { textOf } from '../../lib/core/model/object.ts';
import type { OvsPort } from '../../lib/core/model/ovs-port.ts';
import { ovsQuestion, readOvs } from '../../lib/core/observed/ovs.ts';
import type { Step } from '../../lib/core/plan/plan.ts';
import { render } from '../../lib/core/plan/render.ts';
import { parseConfig } from '../../lib/core/source/config.ts';
import { switched } from '../support/world.ts';

const tap0 = parseIfname('tap0', 'test');
const port: OvsPort = {
  kind: 'ovs-port',
  ifname: tap0,
  bridge: 'ovs0',
  vlanMode: 'native-untagged',
  tag: 10,
  trunks: [20, 30],
  isolated: true,
  madeFor: 7,
};

/** As Open vSwitch 3.1 prints them. */
const PRINTED = [
  '{"data":[["ovs0",["set",[["uuid","a"],["uuid","b"]]]],["ovs1",["uuid","c"]]],"headings":["name","ports"]}',
  '{"data":[[["uuid","b"],"tap0",10,["set",[20,30]],"native-untagged",true,["map",[["vmnet","7"]]]],' +
    '[["uuid","c"],"tap1",["set",[]],20,["set",[]],false,["map",[["vmnet","x"],["iface","y"]]]],' +
    '[["uuid","z"],"tap2",["set",[]],["set",[]],["set",[]],false,["map",[]]]],' +
    '"headings":["_uuid","name","tag","trunks","vlan_mode","protected","external_ids"]}',
  '{"data":[["tap0",["set",[]]],["tap1","could not open network device tap1 (No such device)"]],"headings":["name","error"]}',
  '',
].join('\n');

test('what ovs-vsctl prints of ports', () => {
  const { ports, bridges } = readOvs(PRINTED);
  assert.deepEqual(
    bridges.map(({ ifname }) => ifname),
    ['ovs0', 'ovs1'],
  );
  assert.deepEqual(ports[0], port);
  assert.deepEqual(ports.slice(1).map(textOf), [
    "ovs-port tap1 bridge ovs1 trunks 20 not vmnet's error could not open network device tap1 (No such device)",
  ]);
  assert.throws(() => readOvs(''), VmnetError);
});

test('a question about no port in particular is one about all', () => {
  assert.equal(ovsQuestion([]).at(-1), 'Interface');
  assert.equal(ovsQuestion([tap0]).at(-1), 'tap0');
});

test('add, change and delete; what another link left goes first, and is waited for', () => {
  const made =
    '--if-exists del-port tap0 -- add-port ovs0 tap0 -- set Port tap0 ' +
    'vlan_mode=native-untagged tag=10 trunks=20,30 protected=true external_ids:vmnet=7';
  const gone = '--if-exists del-port tap0';
  const { madeFor: _, ...foreign } = port;
  for (const [name, step, lines] of [
    ['add', { op: 'add', object: port }, [made]],
    ['delete', { op: 'delete', object: port }, [gone]],
    ['another bridge', { op: 'change', object: port, was: { ...port, bridge: 'ovs1' } }, [made]],
    ['another link', { op: 'change', object: port, was: { ...port, madeFor: 6 } }, [gone, made]],
    ["somebody else's", { op: 'change', object: port, was: foreign }, [gone, made]],
  ] satisfies readonly (readonly [string, Step, readonly string[]])[]) {
    const batches = render([step]);
    assert.ok(batches.every(batch => batch.tool === 'ovs'));
    assert.deepEqual(
      batches.map(batch => batch.lines.map(line => line.text).join(' | ')),
      lines,
      name,
    );
  }
});

test('a port comes last and goes first', () => {
  const up = { kind: 'link-setting', ifname: tap0, setting: 'state', value: 'up' } as const;
  const steps = (op: 'add' | 'delete'): Step[] => [
    { op, object: port },
    { op: 'add', object: up },
  ];
  assert.deepEqual(
    render(steps('add')).map(batch => batch.tool),
    ['ip', 'ovs'],
  );
  assert.deepEqual(
    render(steps('delete')).map(batch => batch.tool),
    ['ovs', 'ip'],
  );
});

test('what Open vSwitch does not do is refused, in the file and for a NIC', () => {
  const config = (lines: string) =>
    parseConfig(
      [{ path: 'a.ini', text: `[network switched]\nmode = openvswitch\nlink = ovs0\n${lines}` }],
      new Map(),
    );
  for (const line of [
    'mac-prefix = aa:00:10',
    'hairpin = yes',
    'flood = no',
    'learning = no',
    'vlan-uplinks = eth0',
  ])
    assert.throws(
      () => config(line),
      (error: unknown) => error instanceof VmnetError && error.where === 'a.ini:4',
    );
  const surroundings = {
    config: config('filter-unknown-family = allow\nisolated = yes'),
    rtTables: new Map(),
    routes: [],
  };
  assert.equal(resolveNic(switched('tap0', 5), surroundings).policy.isolated, true);
  const private_ = { ...switched('tap0', 5), network: { name: 'switched', tags: ['private-filtered'] } };
  assert.throws(
    () => resolveNic(private_, surroundings),
    (error: unknown) => error instanceof VmnetError && error.exit === 'request' && error.where === 'tap0',
  );
});
