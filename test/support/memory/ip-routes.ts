// Routes and rules of the kernel in memory.
import { parseAddress, parsePrefix } from '../../../lib/core/model/address.ts';
import type { Ifname } from '../../../lib/core/model/ifname.ts';
import { keyOf, type Route, type Rule } from '../../../lib/core/model/object.ts';
import { actionOf } from '../../../lib/core/model/rule-text.ts';
import { type Fail, isOff, linkOf } from './ip-lines.ts';
import type { KernelState } from './state.ts';
import type { Words } from './words.ts';

export function putRoute(state: KernelState, rest: Words, replace: boolean, fail: Fail): void {
  const route = routeOf(rest, fail);
  if (route.dev !== undefined) {
    if (!linkOf(state, route.dev, fail).up) fail('Nexthop device is not up');
    if (route.prefix.family === 6 && isOff(state, route.dev)) fail('IPv6 is disabled on nexthop device');
  }
  const others = state.routes.filter(one => keyOf(one) !== keyOf(route));
  if (!replace && others.length < state.routes.length) fail('File exists');
  state.routes = [...others, route];
}

/** What is not said matches anything. */
export function delRoute(state: KernelState, rest: Words, fail: Fail): void {
  const route = routeOf(rest, fail);
  const found = state.routes.find(
    one =>
      keyOf(one) === keyOf(route) &&
      one.type === route.type &&
      (route.dev === undefined || one.dev === route.dev) &&
      (route.via === undefined || one.via?.text === route.via.text) &&
      (route.protocol === UNSAID || one.protocol === route.protocol),
  );
  if (found === undefined) throw fail('No such process');
  state.routes = state.routes.filter(one => one !== found);
}

const UNSAID = 3;
/** What is kept as it is said. */
const MORE = ['src', 'mtu', 'expires'];

function routeOf(rest: Words, fail: Fail): Route {
  const unreachable = rest.flag('unreachable');
  const text = rest.next();
  const prefix = parsePrefix(text, 'route');
  const via = rest.value('via');
  const dev = rest.value('dev');
  const onlink = rest.flag('onlink');
  const more = MORE.flatMap(name => {
    const value = rest.value(name);
    return value === undefined ? [] : [`${name} ${value}`];
  });
  const table = rest.value('table');
  const metric = rest.value('metric');
  const protocol = rest.value('protocol');
  rest.value('scope');
  rest.end(fail);
  return {
    kind: 'route',
    table: Number(table ?? 254),
    prefix,
    type: unreachable ? 'unreachable' : 'unicast',
    ...(dev === undefined ? {} : { dev: dev as Ifname }),
    ...(via === undefined ? {} : { via: parseAddress(via, 'via') }),
    ...(via === undefined || onlink ? {} : { near: true as const }),
    ...(more.length === 0 ? {} : { more: more.join(' ') }),
    metric: Number(metric ?? (prefix.family === 4 ? 0 : 1024)),
    protocol: Number(protocol ?? UNSAID),
  };
}

export function putRule(state: KernelState, rest: Words, family: 4 | 6, fail: Fail): void {
  const rule = ruleOf(rest, family, fail);
  if (rule.action.do === 'goto' && rule.action.preference <= rule.preference) fail('Invalid argument');
  if (state.rules.some(one => sameRule(one, rule))) fail('File exists');
  state.rules = [...state.rules, rule];
}

export function delRule(state: KernelState, rest: Words, family: 4 | 6, fail: Fail): void {
  const rule = ruleOf(rest, family, fail);
  const left = state.rules.filter(one => !sameRule(one, rule));
  if (left.length === state.rules.length) fail('No such file or directory');
  state.rules = left;
}

function sameRule(a: Rule, b: Rule): boolean {
  return keyOf(a) === keyOf(b) && actionOf(a) === actionOf(b) && a.protocol === b.protocol;
}

function ruleOf(rest: Words, family: 4 | 6, fail: Fail): Rule {
  const preference = rest.value('preference');
  const from = rest.value('from');
  const to = rest.value('to');
  const fwmark = rest.value('fwmark');
  const iif = rest.value('iif');
  const udp = rest.value('ipproto') === 'udp';
  const dport = rest.value('dport');
  const action = actionFrom(rest, fail);
  const protocol = rest.value('protocol');
  rest.end(fail);
  const selected = (text: string) => {
    const prefix = parsePrefix(text, 'rule');
    return prefix.family === family ? prefix : fail('an address of the other family');
  };
  return {
    kind: 'rule',
    family,
    preference: Number(preference),
    ...(fwmark === undefined ? {} : { fwmark: Number(fwmark) }),
    ...(from === undefined || from === 'all' ? {} : { from: selected(from) }),
    ...(to === undefined ? {} : { to: selected(to) }),
    ...(iif === undefined ? {} : { iif }),
    ...(udp && dport !== undefined ? { udpPort: Number(dport) } : {}),
    action,
    protocol: Number(protocol ?? 3),
  };
}

function actionFrom(rest: Words, fail: Fail): Rule['action'] {
  const table = rest.value('lookup');
  if (table !== undefined) return { do: 'lookup', table: Number(table) };
  const target = rest.value('goto');
  if (target !== undefined) return { do: 'goto', preference: Number(target) };
  if (rest.flag('blackhole')) return { do: 'blackhole' };
  if (rest.flag('nop')) return { do: 'nop' };
  if (rest.flag('l3mdev')) return { do: rest.flag('unreachable') ? 'l3mdev unreachable' : 'l3mdev' };
  return fail('a rule without an action');
}
