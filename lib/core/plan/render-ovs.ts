import type { OvsPort } from '../model/object.ts';
import type { Step } from './plan.ts';
import type { Line } from './render.ts';

/**
 * Commands for one `ovs-vsctl`, which is one transaction. A port of this name that another bridge has, or that was made
 * for a link that is gone, goes in the same.
 */
export function ovsLines(steps: readonly Step[]): Line[] {
  return steps.flatMap(step =>
    step.object.kind === 'ovs-port' ? [{ text: portWords(step.object, step.op), steps: [step] }] : [],
  );
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
