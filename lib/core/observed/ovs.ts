import { VmnetError } from '../errors.ts';
import type { Ifname } from '../model/ifname.ts';
import type { OvsBridge } from '../model/ovs-bridge.ts';
import { OF_HOST, type OvsPort } from '../model/ovs-port.ts';

/**
 * What to ask `ovs-vsctl --format=json` about ports, about all of them without names: three tables, which it prints a line
 * each. A row that is not there is left out.
 */
export function ovsQuestion(names: readonly Ifname[]): readonly string[] {
  return [
    '--columns=name,ports,external_ids list Bridge',
    `--if-exists --columns=_uuid,name,tag,trunks,vlan_mode,protected,external_ids list Port ${names.join(' ')}`,
    `--if-exists --columns=name,error,mtu_request list Interface ${names.join(' ')}`,
  ].flatMap(command => ['--', ...command.trim().split(' ')]);
}

export interface OvsAnswer {
  readonly ports: readonly OvsPort[];
  readonly bridges: readonly OvsBridge[];
}

type Row = ReadonlyMap<string, unknown>;

export function readOvs(printed: string): OvsAnswer {
  const tables = printed.split('\n').filter(line => line.startsWith('{'));
  const [bridges, ports, interfaces] = tables.map(rowsOf);
  if (bridges === undefined || ports === undefined || interfaces === undefined)
    throw new VmnetError('bug', 'ovs-vsctl did not print three tables');
  const holders = new Map(
    bridges.flatMap(row =>
      setOf(row.get('ports')).map(uuid => [textOf(uuid), textOf(row.get('name'))] as const),
    ),
  );
  const errors = new Map(
    interfaces.flatMap(row =>
      setOf(row.get('error')).map(error => [textOf(row.get('name')), textOf(error)] as const),
    ),
  );
  return {
    bridges: bridges.map(row => bridgeOf(row, interfaces)),
    ports: ports.flatMap(row => {
      const bridge = holders.get(textOf(row.get('_uuid')));
      return bridge === undefined ? [] : [portOf(row, bridge, errors.get(textOf(row.get('name'))))];
    }),
  };
}

/** The port of its own name may not have been asked for. */
function bridgeOf(row: Row, interfaces: readonly Row[]): OvsBridge {
  const ifname = textOf(row.get('name')) as Ifname;
  const own = interfaces.find(one => one.get('name') === ifname);
  const [mtu] = setOf(own?.get('mtu_request'));
  return {
    kind: 'ovs-bridge',
    ifname,
    ...(mtu === undefined ? {} : { mtu: Number(mtu) }),
    ...(mapOf(row.get('external_ids')).get('vmnet') === OF_HOST ? { made: true } : {}),
  };
}

function portOf(row: Row, bridge: string, error: string | undefined): OvsPort {
  const [mode] = setOf(row.get('vlan_mode'));
  const [tag] = setOf(row.get('tag'));
  const mark = mapOf(row.get('external_ids')).get('vmnet');
  return {
    kind: 'ovs-port',
    ifname: textOf(row.get('name')) as Ifname,
    bridge,
    ...(mode === undefined ? {} : { vlanMode: textOf(mode) }),
    ...(tag === undefined ? {} : { tag: Number(tag) }),
    trunks: setOf(row.get('trunks')).map(Number),
    isolated: row.get('protected') === true,
    ...(mark === undefined || !/^\d{1,10}$/.test(mark) ? {} : { madeFor: Number(mark) }),
    ...(mark === OF_HOST ? { ofHost: true as const } : {}),
    ...(error === undefined ? {} : { error }),
  };
}

function rowsOf(line: string): readonly Row[] {
  const { data, headings }: { data: readonly unknown[][]; headings: readonly string[] } = JSON.parse(line);
  return data.map(cells => new Map(headings.map((heading, i) => [heading, cells[i]])));
}

/** A set of one is printed as that one (RFC 7047, 5.1). */
function setOf(value: unknown): readonly unknown[] {
  if (value === undefined) return [];
  return Array.isArray(value) && value[0] === 'set' ? (value[1] as readonly unknown[]) : [value];
}

function mapOf(value: unknown): ReadonlyMap<string, string> {
  const pairs = Array.isArray(value) && value[0] === 'map' ? (value[1] as [string, string][]) : [];
  return new Map(pairs);
}

/** `["uuid", "…"]` as well. */
function textOf(value: unknown): string {
  return Array.isArray(value) ? String(value[1]) : String(value);
}
