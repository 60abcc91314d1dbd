import type { OvsBridge } from '../model/ovs-bridge.ts';
import { OF_HOST, type OvsPort } from '../model/ovs-port.ts';
import type { Step } from './plan.ts';
import type { Line } from './render.ts';

/**
 * Commands for one `ovs-vsctl` each, which is one transaction. A port of this name that is on another bridge goes in the
 * same. That of a link that is gone goes before, and is waited for: Open vSwitch goes by the name, and would keep hold of
 * what is no more.
 *
 * The host's bridges come before what `ip` does to them, with an uplink that is there already, and go after it.
 */
export function ovsLines(steps: readonly Step[]): {
  readonly early: readonly Line[];
  readonly late: readonly Line[];
} {
  const moving = new Set(steps.flatMap(movedLink));
  const ports = steps.filter(step => step.object.kind === 'ovs-port');
  const bridges = steps.filter(step => step.object.kind === 'ovs-bridge');
  const made = ports.filter(step => step.op !== 'delete');
  const isEarly = ({ object }: Step): boolean =>
    object.kind === 'ovs-port' && object.ofHost === true && !moving.has(object.ifname);
  const line = (step: Step, op: Step['op']): Line => ({ text: words(step, op), steps: [step] });
  return {
    early: [
      ...ports.filter(step => step.op === 'delete' || isStale(step)).map(step => line(step, 'delete')),
      ...bridges.filter(step => step.op !== 'delete').map(step => line(step, step.op)),
      ...made.filter(isEarly).map(step => line(step, step.op)),
    ],
    late: [
      ...made.filter(step => !isEarly(step)).map(step => line(step, step.op)),
      ...bridges.filter(step => step.op === 'delete').map(step => line(step, 'delete')),
    ],
  };
}

/** A link that `ip` makes, or takes out of a bridge of the kernel. */
function movedLink({ op, object }: Step): readonly string[] {
  if (op === 'delete') return [];
  const isMove = object.kind === 'link' || (object.kind === 'link-setting' && object.setting === 'master');
  return isMove ? [object.ifname] : [];
}

function isStale(step: Step): boolean {
  if (step.op !== 'change' || step.object.kind !== 'ovs-port' || step.was.kind !== 'ovs-port') return false;
  return step.was.madeFor !== step.object.madeFor;
}

function words(step: Step, op: Step['op']): string {
  if (step.object.kind === 'ovs-bridge') return bridgeWords(step.object, op);
  const port = step.object as OvsPort;
  return port.ofHost && op !== 'delete' ? uplinkWords(port, step) : portWords(port, op);
}

/** What somebody else made is changed, and stays theirs. */
function bridgeWords({ ifname, mtu, made }: OvsBridge, op: Step['op']): string {
  if (op === 'delete') return `--if-exists del-br ${ifname}`;
  const mark = made && op === 'add' ? [`set Bridge ${ifname} external_ids:vmnet=${OF_HOST}`] : [];
  const request = mtu === undefined ? [] : [`set Interface ${ifname} mtu_request=${mtu}`];
  return [`--may-exist add-br ${ifname}`, ...mark, ...request].join(' -- ');
}

/** On its own bridge it is changed where it is, with whatever else others have set of it. */
function uplinkWords(port: OvsPort, step: Step): string {
  const { ifname, bridge } = port;
  const columns = columnsOf(port).join(' ');
  const mark = `external_ids:vmnet=${OF_HOST}`;
  if (step.op === 'change' && step.was.kind === 'ovs-port' && step.was.bridge === bridge)
    return `clear Port ${ifname} tag trunks -- set Port ${ifname} ${columns}`;
  return `--if-exists del-port ${ifname} -- add-port ${bridge} ${ifname} -- set Port ${ifname} ${columns} ${mark}`;
}

function portWords(port: OvsPort, op: Step['op']): string {
  const { ifname, bridge } = port;
  const gone = `--if-exists del-port ${ifname}`;
  if (op === 'delete') return gone;
  const columns = columnsOf(port);
  const set = columns.length === 0 ? '' : ` -- set Port ${ifname} ${columns.join(' ')}`;
  return `${gone} -- add-port ${bridge} ${ifname}${set}`;
}

function columnsOf({ vlanMode, tag, trunks, isolated, madeFor }: OvsPort): readonly string[] {
  return [
    ...(vlanMode === undefined ? [] : [`vlan_mode=${vlanMode}`]),
    ...(tag === undefined ? [] : [`tag=${tag}`]),
    ...(trunks.length === 0 ? [] : [`trunks=${trunks.join(',')}`]),
    ...(isolated ? ['protected=true'] : []),
    ...(madeFor === undefined ? [] : [`external_ids:vmnet=${madeFor}`]),
  ];
}
