import { type BridgeVlan, type FdbEntry, vlanFlags } from '../model/object.ts';
import type { Step } from './plan.ts';
import type { Line } from './render.ts';

/**
 * Lines for `bridge -batch -`: a port has entries and VLANs only while it is one, so they come after it joined, and go
 * before it leaves. The VLAN that every port is put into as it joins goes after that.
 */
export function bridgeLines(
  steps: readonly Step[],
  joining: ReadonlySet<string>,
): { readonly early: readonly Line[]; readonly late: readonly Line[] } {
  const vlans = steps.filter(step => step.object.kind === 'bridge-vlan');
  const fdb = steps.filter(step => step.object.kind === 'fdb-entry');
  const isLate = ({ op, object }: Step): boolean =>
    op !== 'delete' || (object.kind === 'bridge-vlan' && joining.has(object.ifname));
  const late = vlans.filter(isLate);
  // Never in two at once; and a static entry is made for each VLAN that the port is in by then.
  const ordered = [...late.filter(({ op }) => op === 'delete'), ...late.filter(({ op }) => op !== 'delete')];
  return {
    early: [...fdb, ...vlans].filter(step => !isLate(step)).map(line),
    late: [...ordered, ...fdb.filter(isLate)].map(line),
  };
}

/** Links that come into a bridge and into VLANs of it: until they are out of the bridge's own, they are to be down. */
export function joiningOf(steps: readonly Step[]): ReadonlySet<string> {
  const ports = new Set(
    steps.flatMap(({ object }) => (object.kind === 'bridge-vlan' ? [object.ifname as string] : [])),
  );
  return new Set(
    steps.flatMap(({ op, object }) =>
      op !== 'delete' &&
      object.kind === 'link-setting' &&
      object.setting === 'master' &&
      object.value !== 'none' &&
      ports.has(object.ifname)
        ? [object.ifname]
        : [],
    ),
  );
}

function line(step: Step): Line {
  const object = step.object as BridgeVlan | FdbEntry;
  return {
    text: object.kind === 'bridge-vlan' ? vlanWords(object, step.op) : fdbWords(object, step.op),
    steps: [step],
  };
}

/** Of a VLAN that is there, `add` changes the flags. */
function vlanWords(vlan: BridgeVlan, op: Step['op']): string {
  if (op === 'delete') return `vlan del vid ${vlan.id} dev ${vlan.ifname}`;
  return `vlan add vid ${vlan.id} dev ${vlan.ifname} ${vlanFlags(vlan)}`.trimEnd();
}

function fdbWords({ mac, ifname }: FdbEntry, op: Step['op']): string {
  return op === 'delete'
    ? `fdb del ${mac} dev ${ifname} master`
    : `fdb replace ${mac} dev ${ifname} master static`;
}
