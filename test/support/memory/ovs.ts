// Carries out the commands of one `ovs-vsctl`: all of them, or none.
import type { OvsPort } from '../../../lib/core/model/ovs-port.ts';
import { refused } from './refuse.ts';
import type { KernelState } from './state.ts';

export const OVS_BRIDGES: readonly string[] = ['ovs0', 'ovs1'];

export function ovsTransaction(state: KernelState, lines: readonly string[]): void {
  const ports = new Map(state.ovs);
  for (const command of lines.join(' -- ').split(' -- ')) carryOut(ports, command);
  state.ovs = ports;
}

function carryOut(ports: Map<string, OvsPort>, command: string): void {
  const [verb, ...args] = command.replace('--if-exists ', '').split(' ');
  const fail = (why: string): never => {
    throw refused('ovs-vsctl', command, why);
  };
  if (verb === 'del-port') {
    const found = ports.delete(args[0] ?? '');
    if (!found && !command.startsWith('--if-exists')) fail('no port');
  } else if (verb === 'add-port') {
    const [bridge = '', name = ''] = args;
    if (!OVS_BRIDGES.includes(bridge)) fail(`no bridge named ${bridge}`);
    if (ports.has(name)) fail('it exists already');
    ports.set(name, {
      kind: 'ovs-port',
      ifname: name as OvsPort['ifname'],
      bridge,
      trunks: [],
      isolated: false,
    });
  } else if (verb === 'set' && args[0] === 'Port') {
    const port = ports.get(args[1] ?? '') ?? fail('no row');
    ports.set(port.ifname, args.slice(2).reduce(withColumn, port));
  } else fail('this kernel in memory does not know it');
}

function withColumn(port: OvsPort, setting: string): OvsPort {
  const [column = '', value = ''] = setting.split('=');
  if (column === 'vlan_mode') return { ...port, vlanMode: value };
  if (column === 'tag') return { ...port, tag: Number(value) };
  if (column === 'trunks') return { ...port, trunks: value.split(',').map(Number) };
  if (column === 'protected') return { ...port, isolated: value === 'true' };
  if (column === 'external_ids:vmnet') return { ...port, madeFor: Number(value) };
  throw refused('ovs-vsctl', setting, 'no such column');
}
