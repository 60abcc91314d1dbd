// Carries out the lines of `ip -batch`, as rtnetlink would: each by itself, with its errors.
import { parseAddress } from '../../../lib/core/model/address.ts';
import type { Ifname } from '../../../lib/core/model/ifname.ts';
import { parseMac } from '../../../lib/core/model/mac.ts';
import {
  type FdbEntry,
  keyOf,
  type LinkAddress,
  PORT_SETTINGS,
  type ProxyNeighbour,
} from '../../../lib/core/model/object.ts';
import { checkJoin, joined, linkAdd, masterSet, spreadMtu } from './host-lines.ts';
import { delRoute, delRule, putRoute, putRule } from './ip-routes.ts';
import { adoptMac, setMaster } from './ports.ts';
import { refused } from './refuse.ts';
import { cycle, type KernelState, type Link, removeLink, setDown } from './state.ts';
import { type Words, words } from './words.ts';

export function ipLine(state: KernelState, line: string, family: 4 | 6): void {
  const rest = words(line);
  const verb = rest.verb();
  const fail = (why: string): never => {
    throw refused('ip', line, why);
  };
  const carryOut = VERBS[verb] ?? fail('this kernel in memory does not know it');
  carryOut(state, rest, fail, family);
}

type Verb = (state: KernelState, rest: Words, fail: Fail, family: 4 | 6) => void;

const VERBS: Readonly<Record<string, Verb>> = {
  'link add': linkAdd,
  'link del': (state, rest, fail) => {
    const link = linkOf(state, rest.after('dev'), fail);
    rest.end(fail);
    removeLink(state, link.ifname);
  },
  'link set': linkSet,
  'address add': (state, rest, fail) => address(state, 'add', rest, fail),
  'address replace': (state, rest, fail) => address(state, 'replace', rest, fail),
  'address del': (state, rest, fail) => address(state, 'del', rest, fail),
  'route add': (state, rest, fail) => putRoute(state, rest, false, fail),
  'route replace': (state, rest, fail) => putRoute(state, rest, true, fail),
  'route del': delRoute,
  'rule add': (state, rest, fail, family) => putRule(state, rest, family, fail),
  'rule del': (state, rest, fail, family) => delRule(state, rest, family, fail),
  'neigh replace': (state, rest, fail) => neighbour(state, 'replace', rest, fail),
  'neigh del': (state, rest, fail) => neighbour(state, 'del', rest, fail),
};

export type Fail = (why: string) => never;

/** One message: it is looked through before anything changes. */
function linkSet(state: KernelState, rest: Words, fail: Fail): void {
  const link = linkOf(state, rest.after('dev'), fail);
  const type = rest.value('type');
  if (type !== undefined) {
    if (type === 'bridge_slave') portSet(link, rest, fail);
    else masterSet(state, link, type, rest, fail);
    return;
  }
  const group = rest.value('group');
  const mac = rest.value('address');
  const mtu = rest.value('mtu');
  const master = rest.value('master');
  const noMaster = rest.flag('nomaster');
  const up = rest.flag('up');
  const down = rest.flag('down');
  rest.end(fail);
  if (mac !== undefined && !/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/.test(mac)) fail('Invalid address length');
  if (master !== undefined) checkJoin(link, linkOf(state, master, fail), fail);
  if (mac !== undefined) {
    link.mac = parseMac(mac, 'link');
    link.macWasSet = true;
  }
  if (mtu !== undefined) {
    link.mtu = Number(mtu);
    spreadMtu(state, link);
  }
  if (group !== undefined) link.group = Number(group);
  const old = link.master;
  const leaves = noMaster && old !== undefined ? state.links.get(old) : undefined;
  if (master !== undefined || noMaster) setMaster(state, link, master as Ifname | undefined);
  const joins = master === undefined || old === master ? undefined : state.links.get(master);
  if (joins !== undefined) joined(state, link, joins);
  if (leaves?.type === 'vrf') cycle(state, link);
  for (const bridge of new Set([old, link.master])) if (bridge !== undefined) adoptMac(state, bridge);
  if (down) setDown(state, link);
  if (up) link.up = up;
}

function portSet(link: Link, rest: Words, fail: Fail): void {
  const values = PORT_SETTINGS.flatMap(name => {
    const value = rest.value(name);
    return value === undefined ? [] : [[name, value] as const];
  });
  rest.end(fail);
  if (link.master === undefined) fail('Operation not supported');
  for (const [name, value] of values) link.port.set(name, value);
}

/** A line of `bridge -batch`. */
export function bridgeLine(state: KernelState, line: string): void {
  const rest = words(line);
  const fail = (why: string): never => {
    throw refused('bridge', line, why);
  };
  const verb = rest.verb();
  if (verb.startsWith('vlan ')) vlan(state, verb, rest, fail);
  else fdb(state, verb, rest, fail);
}

function vlan(state: KernelState, verb: string, rest: Words, fail: Fail): void {
  const id = Number(rest.after('vid'));
  const link = linkOf(state, rest.after('dev'), fail);
  const flags = { pvid: rest.flag('pvid'), untagged: rest.flag('untagged') };
  rest.end(fail);
  if (link.master === undefined) fail('Operation not supported');
  if (verb === 'vlan del') {
    if (!link.vlans.delete(id)) fail('No such file or directory');
    return;
  }
  // A port has one PVID.
  if (flags.pvid)
    for (const [other, { untagged }] of link.vlans) link.vlans.set(other, { pvid: false, untagged });
  link.vlans.set(id, flags);
}

function fdb(state: KernelState, verb: string, rest: Words, fail: Fail): void {
  const mac = parseMac(rest.next(), 'fdb');
  const link = linkOf(state, rest.after('dev'), fail);
  if (!rest.flag('master')) fail('Operation not supported');
  rest.flag('static');
  rest.end(fail);
  if (link.master === undefined) fail('Operation not supported');
  const entry: FdbEntry = { kind: 'fdb-entry', ifname: link.ifname, mac };
  const others = state.fdb.filter(one => one.mac !== mac);
  if (verb === 'fdb del' && others.length === state.fdb.length) fail('No such file or directory');
  state.fdb = verb === 'fdb del' ? others : [...others, entry];
}

function address(state: KernelState, verb: string, rest: Words, fail: Fail): void {
  const [text = '', length = ''] = rest.next().split('/');
  const lifetime = rest.value('valid_lft');
  rest.value('preferred_lft');
  const object: LinkAddress = {
    kind: 'address',
    ifname: linkOf(state, rest.after('dev'), fail).ifname,
    // A loopback's are those of a VRF.
    address: /^(127\.|::1$)/.test(text)
      ? { family: text === '::1' ? 6 : 4, text }
      : parseAddress(text, 'address'),
    length: Number(length),
    ...(lifetime === undefined ? {} : { dynamic: true as const, lifetime: `valid_lft ${lifetime}` }),
  };
  rest.flag('nodad');
  rest.end(fail);
  const has = state.addresses.some(one => keyOf(one) === keyOf(object));
  if (verb === 'del') {
    if (!has) fail('Cannot assign requested address');
    state.addresses = state.addresses.filter(one => keyOf(one) !== keyOf(object));
    return;
  }
  if (object.address.family === 6 && isOff(state, object.ifname)) fail('IPv6 is disabled on this device');
  if (has && verb === 'add') fail('File exists');
  if (!has) state.addresses.push(object);
}

function neighbour(state: KernelState, verb: string, rest: Words, fail: Fail): void {
  const target = parseAddress(rest.after('proxy'), 'neighbour');
  const dev = linkOf(state, rest.after('dev'), fail).ifname;
  rest.value('nud');
  const protocol = rest.value('protocol');
  rest.end(fail);
  const at = { kind: 'proxy-neighbour' as const, address: target, dev };
  const proxy: ProxyNeighbour = { ...at, protocol: Number(protocol ?? 0) };
  const others = state.proxies.filter(one => keyOf(one) !== keyOf(proxy));
  if (verb === 'del' && others.length === state.proxies.length) fail('No such file or directory');
  state.proxies = verb === 'del' ? others : [...others, proxy];
}

export function linkOf(state: KernelState, name: string, fail: Fail): Link {
  return state.links.get(name) ?? fail(`Cannot find device "${name}"`);
}

export function isOff(state: KernelState, ifname: string): boolean {
  return state.sysctls.get(`net/ipv6/conf/${ifname}/disable_ipv6`) === '1';
}
