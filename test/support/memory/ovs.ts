// Carries out the commands of one `ovs-vsctl`: all of them, or none.
import { type Ifname, parseIfname } from '../../../lib/core/model/ifname.ts';
import type { Mac } from '../../../lib/core/model/mac.ts';
import type { OvsBridge } from '../../../lib/core/model/ovs-bridge.ts';
import type { OvsPort } from '../../../lib/core/model/ovs-port.ts';
import { refused } from './refuse.ts';
import { addLink, type KernelState, removeLink } from './state.ts';

/** Those of somebody else, which are there from the start. */
export const OVS_BRIDGES: readonly string[] = ['ovs0', 'ovs1'];

interface Database {
  readonly ports: Map<string, OvsPort>;
  readonly bridges: Map<string, OvsBridge>;
}

export function ovsTransaction(state: KernelState, lines: readonly string[]): void {
  const database = { ports: new Map(state.ovs), bridges: new Map(state.ovsBridges) };
  for (const command of lines.join(' -- ').split(' -- ')) carryOut(database, command);
  const was = state.ovsBridges;
  state.ovs = database.ports;
  state.ovsBridges = database.bridges;
  for (const name of database.bridges.keys())
    if (!was.has(name)) addLink(state, name as Ifname, 'openvswitch', MAC);
  for (const name of was.keys()) if (!database.bridges.has(name)) removeLink(state, name);
}

const MAC = '52:54:00:00:00:aa' as Mac;

function carryOut({ ports, bridges }: Database, command: string): void {
  const [, option, verb, rest = ''] = /^(--\S+ )?(\S+) ?(.*)$/.exec(command) ?? [];
  const [table = '', row = '', ...columns] = rest.split(' ');
  const fail = (why: string): never => {
    throw refused('ovs-vsctl', command, why);
  };
  if (verb === 'del-port') {
    if (!ports.delete(table) && option === undefined) fail('no port');
  } else if (verb === 'add-port') addPort({ ports, bridges }, table, row, fail);
  else if (verb === 'add-br') {
    if (bridges.has(table) && option === undefined) fail('it exists already');
    if (!bridges.has(table)) bridges.set(table, { kind: 'ovs-bridge', ifname: parseIfname(table, 'bridge') });
  } else if (verb === 'del-br') {
    bridges.delete(table);
    for (const port of [...ports.values()]) if (port.bridge === table) ports.delete(port.ifname);
  } else if (table === 'Port' && (verb === 'set' || verb === 'clear')) {
    const port = ports.get(row) ?? fail('no row');
    const { tag: _, ...bare } = port;
    if (verb === 'clear') ports.set(row, { ...bare, trunks: [] });
    else ports.set(row, columns.reduce(withColumn, port));
  } else if (verb === 'set' && (table === 'Bridge' || table === 'Interface')) {
    const bridge = bridges.get(row) ?? fail('no row');
    const [, mtu] = /^mtu_request=(\d+)$/.exec(columns[0] ?? '') ?? [];
    bridges.set(row, { ...bridge, ...(mtu === undefined ? { made: true } : { mtu: Number(mtu) }) });
  } else fail('this kernel in memory does not know it');
}

function addPort(
  { ports, bridges }: Database,
  bridge: string,
  name: string,
  fail: (why: string) => never,
): void {
  if (!bridges.has(bridge)) fail(`no bridge named ${bridge}`);
  if (ports.has(name)) fail('it exists already');
  const ifname = parseIfname(name, 'port');
  ports.set(name, { kind: 'ovs-port', ifname, bridge, trunks: [], isolated: false });
}

function withColumn(port: OvsPort, setting: string): OvsPort {
  const [column = '', value = ''] = setting.split('=');
  if (column === 'vlan_mode') return { ...port, vlanMode: value };
  if (column === 'tag') return { ...port, tag: Number(value) };
  if (column === 'trunks') return { ...port, trunks: value.split(',').map(Number) };
  if (column === 'protected') return { ...port, isolated: value === 'true' };
  if (column === 'external_ids:vmnet')
    return value === 'host' ? { ...port, ofHost: true } : { ...port, madeFor: Number(value) };
  throw refused('ovs-vsctl', setting, 'no such column');
}
