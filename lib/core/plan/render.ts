import { HOST_PROTOCOL } from '../model/identity.ts';
import type { Ifname } from '../model/ifname.ts';
import type { KernelObject, Kind, Sysctl } from '../model/object.ts';
import { inLinkOrder } from './link-order.ts';
import type { Step } from './plan.ts';
import { bridgeLines, joiningOf } from './render-bridge.ts';
import { ipLines, upLines } from './render-ip.ts';
import { nftLines } from './render-nft.ts';
import { ovsLines } from './render-ovs.ts';

/** What to run for some of the steps: one process, or writes below /proc/sys. `nft` is one transaction. */
export interface Batch {
  readonly tool: 'sysctl' | 'nft' | 'ip' | 'ip6' | 'bridge' | 'ovs';
  readonly lines: readonly Line[];
}

/** A line of input and the steps it carries out; a sysctl line is `path=value`, one of ovs is commands of `ovs-vsctl`. */
export interface Line {
  readonly text: string;
  readonly steps: readonly Step[];
}

/** The order of what is put in place; what is taken away goes in reverse. */
const ORDER: readonly Kind[] = [
  'sysctl',
  'nft-table',
  'nft-set',
  'nft-chain',
  'nft-element',
  'rule',
  // Among each other in the order of inLinkOrder().
  'link',
  'link-setting',
  'address',
  'route',
  'proxy-neighbour',
  'bridge-vlan',
  'fdb-entry',
  'ovs-bridge',
  'ovs-port',
];

/**
 * The batches in the order in which they must run. The filter is closed before a link comes up or forwards, and it is
 * opened last when a NIC goes: with anything to add, nft runs first, with deletions alone it runs last. What keeps a
 * network's packets out of main goes when its taps have left their group. `ip -batch` has no way to name the family of
 * a rule, so the rules of IPv6 need a process of their own. Where IPv6 is switched off, what is to be deleted goes
 * before the kernel drops it by itself.
 */
export function render(steps: readonly Step[]): readonly Batch[] {
  const [fences, rest] = [gone(steps).filter(isFence), gone(steps).filter(step => !isFence(step))];
  const sorted = [...rest, ...added(steps), ...fences];
  const nft = sorted.filter(step => step.object.kind.startsWith('nft-'));
  const silenced = new Set(steps.flatMap(silencedDevice));
  const early = sorted.filter(step => step.op === 'delete' && silenced.has(deviceOf6(step.object) ?? ''));
  const ip = sorted.filter(step => isIp(step.object) && !isRule6(step.object) && !early.includes(step));
  const rules6 = sorted.filter(step => isRule6(step.object));
  const joining = joiningOf(steps);
  const port = bridgeLines(sorted, joining);
  const ovs = ovsLines(sorted);
  const closing = nft.some(step => step.op !== 'delete');
  const batches: Batch[] = [
    { tool: 'nft', lines: closing ? nftLines(nft) : [] },
    { tool: 'ovs', lines: ovs.early },
    { tool: 'bridge', lines: port.early },
    { tool: 'ip', lines: ipLines(early) },
    { tool: 'sysctl', lines: sorted.flatMap(sysctlLine) },
    { tool: 'ip6', lines: ipLines(rules6.filter(step => step.op !== 'delete')) },
    { tool: 'ip', lines: ipLines(ip, joining) },
    { tool: 'bridge', lines: port.late },
    { tool: 'ip', lines: upLines(ip, joining) },
    { tool: 'ovs', lines: ovs.late },
    { tool: 'ip6', lines: ipLines(rules6.filter(step => step.op === 'delete')) },
    { tool: 'sysctl', lines: sorted.flatMap(lateSysctlLine) },
    { tool: 'nft', lines: closing ? [] : nftLines(nft) },
  ];
  return batches.filter(batch => batch.lines.length > 0);
}

/** Of links, the later made first: the kernel takes a VLAN along with its parent. */
function gone(steps: readonly Step[]): Step[] {
  const leaving = steps.filter(step => step.op === 'delete');
  const depth = depthsOf(leaving);
  return leaving.sort((a, b) => rank(b) - rank(a) || depth(b) - depth(a));
}

/** How many of the links that go, one above the other, a link stands on. */
function depthsOf(steps: readonly Step[]): (step: Step) => number {
  const parents = new Map(
    steps.flatMap(({ object }) => (object.kind === 'link' ? [[object.ifname, object.parent] as const] : [])),
  );
  const depth = (name: Ifname | undefined): number => {
    const parent = name === undefined ? undefined : parents.get(name);
    return parent === undefined ? 0 : 1 + depth(parent);
  };
  return ({ object }) => (object.kind === 'link' ? depth(object.ifname) : 0);
}

function added(steps: readonly Step[]): Step[] {
  const coming = steps.filter(step => step.op !== 'delete').sort((a, b) => rank(a) - rank(b));
  const ofLinks = coming.filter(isOfLink);
  const at = coming.findIndex(isOfLink);
  return [
    ...coming.slice(0, Math.max(0, at)),
    ...inLinkOrder(ofLinks),
    ...coming.slice(Math.max(0, at) + ofLinks.length),
  ];
}

/**
 * Within routes: a gateway is only reachable once its subnet's route is there. Within sysctls: when IPv6 comes on, the
 * kernel makes the addresses that the others tell it to make.
 */
function rank(step: Step): number {
  const object = step.object;
  const late =
    (object.kind === 'route' && object.via !== undefined) ||
    (object.kind === 'sysctl' && object.path.endsWith('/disable_ipv6'));
  const kind = object.kind === 'link' && step.op !== 'delete' ? 'link-setting' : object.kind;
  // Of a VRF that is being made, what is not on its way yet would be refused by it.
  const last = object.kind === 'route' && object.type === 'unreachable' && object.protocol === HOST_PROTOCOL;
  return ORDER.indexOf(kind) + (last ? 0.6 : late ? 0.5 : 0);
}

function isOfLink({ object }: Step): boolean {
  return object.kind === 'link' || object.kind === 'link-setting';
}

/** A rule, or the last route of a table. */
function isFence({ object }: Step): boolean {
  return object.kind === 'rule' || (object.kind === 'route' && object.dev === undefined);
}

function isIp(object: KernelObject): boolean {
  return (
    !['sysctl', 'fdb-entry', 'bridge-vlan', 'ovs-bridge', 'ovs-port'].includes(object.kind) &&
    !object.kind.startsWith('nft-')
  );
}

function isRule6(object: KernelObject): boolean {
  return object.kind === 'rule' && object.family === 6;
}

/** The device on which a step switches IPv6 off: the kernel then drops its addresses, routes and proxy neighbours. */
function silencedDevice({ op, object }: Step): string[] {
  if (op === 'delete' || object.kind !== 'sysctl' || object.value !== '1') return [];
  const [, device] = /^net\/ipv6\/conf\/([^/]+)\/disable_ipv6$/.exec(object.path) ?? [];
  return device === undefined ? [] : [device];
}

/** Of what IPv6 has on a device, which. */
function deviceOf6(object: KernelObject): string | undefined {
  switch (object.kind) {
    case 'address':
      return object.address.family === 6 ? object.ifname : undefined;
    case 'route':
      return object.prefix.family === 6 ? object.dev : undefined;
    case 'proxy-neighbour':
      return object.address.family === 6 ? object.dev : undefined;
    default:
      return undefined;
  }
}

function sysctlLine(step: Step): Line[] {
  const { op, object } = step;
  if (object.kind !== 'sysctl' || op === 'delete') return [];
  return [sysctlText(object, object.during ?? object.value, step)];
}

/** What was otherwise only meanwhile. */
function lateSysctlLine(step: Step): Line[] {
  const { op, object } = step;
  if (object.kind !== 'sysctl' || op === 'delete' || object.during === undefined) return [];
  return object.during === object.value ? [] : [sysctlText(object, object.value, step)];
}

function sysctlText({ path }: Sysctl, value: string, step: Step): Line {
  return { text: `${path}=${value}`, steps: [step] };
}
