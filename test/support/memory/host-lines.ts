// The host's own links on the kernel in memory: what is made, and what joins what.
import { type Ifname, parseIfname } from '../../../lib/core/model/ifname.ts';
import { BOND_SETTINGS, BRIDGE_SETTINGS } from '../../../lib/core/model/link.ts';
import { type Mac, parseMac } from '../../../lib/core/model/mac.ts';
import type { Rule } from '../../../lib/core/model/object.ts';
import type { Fail } from './ip-lines.ts';
import { addLink, cycle, type KernelState, type Link, type LinkFixed, type LinkType } from './state.ts';
import type { Words } from './words.ts';

const TYPES: readonly LinkType[] = ['bridge', 'bond', 'vlan', 'vrf'];

export function linkAdd(state: KernelState, rest: Words, fail: Fail): void {
  const name = parseIfname(rest.after('name'), 'link');
  const kind = rest.value('type');
  const type = TYPES.find(one => one === kind) ?? fail('Unknown device type.');
  if (state.lacks.has(type)) fail('Unknown device type.');
  const parent = rest.value('link');
  const fixed: LinkFixed = {
    ...present('mode', rest.value('mode')),
    ...present('protocol', rest.value('protocol')),
    ...present('id', number(rest.value('id'))),
    ...present('parent', parent as Ifname | undefined),
    ...present('table', number(rest.value('table'))),
  };
  rest.end(fail);
  if (state.links.has(name)) fail('File exists');
  const below = parent === undefined ? undefined : state.links.get(parent);
  if (parent !== undefined && below === undefined) fail(`Cannot find device "${parent}"`);
  const taken = [...state.links.values()].some(
    one => parent !== undefined && one.fixed.parent === parent && one.fixed.id === fixed.id,
  );
  if (taken) fail('VLAN device already exists.');
  const mac =
    below?.mac ?? parseMac(`a6:00:00:00:00:${state.nextIndex.toString(16).padStart(2, '0')}`, 'link');
  const link = addLink(state, name, type, mac, fixed);
  if (below !== undefined) link.mtu = below.mtu;
  if (type === 'vrf') firstVrf(state);
}

export function masterSet(state: KernelState, link: Link, type: string, rest: Words, fail: Fail): void {
  if (link.type !== type) fail('Operation not supported');
  const filtering = rest.value('vlan_filtering');
  if (filtering !== undefined) link.filtering = filtering === '1';
  if (filtering === '0') link.own.set('vlan_filtering', filtering);
  for (const name of type === 'bond' ? BOND_SETTINGS : BRIDGE_SETTINGS) {
    const value = name === 'vlan_filtering' ? filtering : rest.value(name);
    if (value === undefined) continue;
    if (state.lacks.has(value)) fail('Invalid argument');
    if (!link.own.has(name)) fail('option not valid in this mode');
    if (name === 'lacp_rate' && link.up) fail('unable to set option because the bond is up.');
    if (name === 'primary' && value === 'none') fail('Cannot find device "none"');
    if (name === 'vlan_default_pvid' && link.own.get('vlan_filtering') === '1')
      fail('Operation not permitted');
    if (name === 'forward_delay' && link.own.get('stp_state') !== '0') fail('Numerical result out of range');
    link.own.set(name, value);
  }
  rest.end(fail);
}

export function checkJoin(link: Link, master: Link, fail: Fail): void {
  if (!['bridge', 'bond', 'vrf'].includes(master.type)) fail('Invalid argument');
  if (master.type === 'bond' && link.up) fail('Device can not be enslaved while up.');
  if (link.master !== undefined && link.master !== master.ifname && master.type === 'bond')
    fail('Device or resource busy');
}

/** A bond opens its port and gives it its MTU; a VRF sets it down and up. */
export function joined(state: KernelState, link: Link, master: Link): void {
  if (master.type === 'bond') {
    if ([...state.links.values()].filter(one => one.master === master.ifname).length === 1)
      setMac(state, master, link.mac);
    link.mtuBefore = link.mtu;
    link.mtu = master.mtu;
    link.up = true;
  }
  if (master.type === 'vrf') cycle(state, link);
}

/** VLANs that have their parent's follow it. */
function setMac(state: KernelState, link: Link, mac: Mac): void {
  for (const child of state.links.values())
    if (child.fixed.parent === link.ifname && child.mac === link.mac) setMac(state, child, mac);
  link.mac = mac;
}

/** Ports of a bond have its MTU, and VLANs no more than their parent. */
export function spreadMtu(state: KernelState, link: Link): void {
  for (const other of state.links.values()) {
    if (link.type === 'bond' && other.master === link.ifname) other.mtu = link.mtu;
    if (other.fixed.parent === link.ifname && other.mtu > link.mtu) other.mtu = link.mtu;
  }
}

function number(text: string | undefined): number | undefined {
  return text === undefined ? undefined : Number(text);
}

function present<K extends keyof LinkFixed>(key: K, value: LinkFixed[K]): LinkFixed {
  return value === undefined ? {} : { [key]: value };
}

/** The kernel makes these with the first VRF. */
function firstVrf(state: KernelState): void {
  for (const family of [4, 6] as const) {
    const rule: Rule = {
      kind: 'rule',
      family,
      preference: 1000,
      action: { do: 'l3mdev' },
      protocol: 2,
    };
    if (!state.rules.some(one => one.family === family && one.preference === 1000)) state.rules.push(rule);
  }
}
