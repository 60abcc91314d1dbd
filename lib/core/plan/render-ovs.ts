import type { OvsPort } from '../model/ovs-port.ts';
import type { Step } from './plan.ts';
import type { Line } from './render.ts';

/**
 * Commands for one `ovs-vsctl` each, which is one transaction. A port of this name that is on another bridge goes in the
 * same. That of a link that is gone goes before, and is waited for: Open vSwitch goes by the name, and would keep hold of
 * what is no more.
 */
export function ovsLines(steps: readonly Step[]): {
  readonly early: readonly Line[];
  readonly late: readonly Line[];
} {
  const mine = steps.filter(step => step.object.kind === 'ovs-port');
  const line = (step: Step, op: Step['op']): Line => ({
    text: portWords(step.object as OvsPort, op),
    steps: [step],
  });
  return {
    early: mine.filter(step => step.op === 'delete' || isStale(step)).map(step => line(step, 'delete')),
    late: mine.filter(step => step.op !== 'delete').map(step => line(step, step.op)),
  };
}

function isStale(step: Step): boolean {
  if (step.op !== 'change' || step.object.kind !== 'ovs-port' || step.was.kind !== 'ovs-port') return false;
  return step.was.madeFor !== step.object.madeFor;
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
