import { type Address, type Family, isLinkLocal } from '../model/address.ts';
import { BOND_SETTINGS, BRIDGE_SETTINGS, type Link } from '../model/link.ts';
import type { LinkAddress, LinkSetting, ProxyNeighbour, Route, Rule } from '../model/object.ts';
import { PORT_SETTINGS } from '../model/object.ts';
import { actionOf, selectorOf } from '../model/rule-text.ts';
import type { Step } from './plan.ts';
import type { Line } from './render.ts';

/** Lines for `ip -batch -`, in the order of the steps; the settings of one link are one message, those as a port another. */
export function ipLines(all: readonly Step[], joining: ReadonlySet<string> = NONE): Line[] {
  const held = new Set(all.filter(step => comesUp(step, joining)));
  const steps = all.filter(step => !held.has(step));
  const lines: Line[] = [];
  const links = new Set<string>();
  for (const step of steps) {
    const object = step.object;
    if (object.kind !== 'link-setting') {
      lines.push(...objectLines(step));
    } else if (!links.has(object.ifname)) {
      links.add(object.ifname);
      if (joining.has(object.ifname)) lines.push(...downLine(object.ifname, all));
      lines.push(...linkLines(object.ifname, steps));
    }
  }
  return lines;
}

const NONE: ReadonlySet<string> = new Set();

/** What joined comes up again when it is in its VLANs. */
export function upLines(steps: readonly Step[], joining: ReadonlySet<string>): Line[] {
  return [...joining].flatMap(ifname => {
    const state = steps.filter(step => stateOf(step) === ifname);
    const stays = state.some(step => !comesUp(step, joining));
    return stays ? [] : [{ text: `link set dev ${ifname} up`, steps: state }];
  });
}

/** Of such a link, no step about its state means that it is up. */
function downLine(ifname: string, steps: readonly Step[]): Line[] {
  const isUp = !steps.some(step => stateOf(step) === ifname);
  return isUp ? [{ text: `link set dev ${ifname} down`, steps: [] }] : [];
}

function comesUp(step: Step, joining: ReadonlySet<string>): boolean {
  const object = step.object;
  return object.kind === 'link-setting' && object.value === 'up' && joining.has(stateOf(step) ?? '');
}

function stateOf({ object }: Step): string | undefined {
  return object.kind === 'link-setting' && object.setting === 'state' ? object.ifname : undefined;
}

/** The group before the state: no packet may pass while the tap is in no network. */
const SETTING_ORDER: readonly LinkSetting['setting'][] = [
  'group',
  'mac',
  'own-mac',
  'mtu',
  'master',
  'state',
];

function linkLines(ifname: string, steps: readonly Step[]): Line[] {
  const of = (step: Step): LinkSetting | undefined =>
    step.object.kind === 'link-setting' && step.object.ifname === ifname ? step.object : undefined;
  const mine = steps.filter(step => of(step) !== undefined);
  const named = (names: readonly LinkSetting['setting'][]): readonly LinkSetting[] =>
    names.flatMap(name => mine.map(of).find(setting => setting?.setting === name) ?? []);
  const line = (what: string, names: readonly LinkSetting['setting'][], more: readonly string[] = []) => {
    const found =
      names.length === 0 ? mine : mine.filter(step => names.includes(of(step)?.setting ?? 'state'));
    const words = [...named(names).filter(isSaid).map(settingWords), ...more];
    return words.length === 0
      ? []
      : [{ text: `link set dev ${ifname} ${what}${words.join(' ')}`, steps: found }];
  };
  const [move] = named(['master']);
  const restart = move?.restart;
  // In one message, the kernel sets a link up before it joins.
  return [
    ...(restart === undefined ? [] : [...line('', [], ['down']), ...line('', ['master'])]),
    ...line('type bond ', BOND_SETTINGS),
    ...bridgeLines(named(BRIDGE_SETTINGS), names => line('type bridge ', names)),
    ...line(
      '',
      SETTING_ORDER.filter(name => restart === undefined || name !== 'master'),
      restart === 'up' && named(['state']).length === 0 ? ['up'] : [],
    ),
    ...line('type bridge_slave ', PORT_SETTINGS),
  ];
}

/** One after the other where the kernel takes one only after another; a bridge in use is not VLAN-aware for a moment. */
function bridgeLines(
  settings: readonly LinkSetting[],
  line: (names: readonly LinkSetting['setting'][]) => Line[],
): Line[] {
  const has = (name: LinkSetting['setting']): boolean => settings.some(({ setting }) => setting === name);
  const [stp, ...rest] = BRIDGE_SETTINGS;
  const others = rest.filter(name => name !== 'vlan_filtering');
  const lines = [...line([stp]), ...line(others), ...line(['vlan_filtering'])];
  if (!has('vlan_default_pvid') || has('vlan_filtering')) return lines;
  const aware = (value: string): Line[] =>
    line(['vlan_default_pvid']).map(({ text, steps }) => ({
      text: text.replace(/vlan_default_pvid .*$/, `vlan_filtering ${value}`),
      steps,
    }));
  return [...aware('0'), ...lines, ...aware('1')];
}

/** `ip` has no words for no primary: a new bond has none, and another is only made anew. */
function isSaid({ setting, value }: LinkSetting): boolean {
  return setting !== 'primary' || value !== 'none';
}

function settingWords(setting: LinkSetting): string {
  if (setting.setting === 'state') return setting.value;
  if (setting.setting === 'mac' || setting.setting === 'own-mac') return `address ${setting.value}`;
  if (setting.setting === 'master' && setting.value === 'none') return 'nomaster';
  return `${setting.setting} ${setting.value}`;
}

function objectLines(step: Step): Line[] {
  const line = (text: string): Line => ({ text, steps: [step] });
  const object = step.object;
  switch (object.kind) {
    case 'link':
      return [
        ...(step.op === 'add' ? [] : [line(`link del dev ${object.ifname}`)]),
        ...(step.op === 'delete' ? [] : [line(`link add ${linkWords(object)}`)]),
      ];
    case 'address':
      return [line(`address ${verb(step)} ${addressWords(object, step.op)}`)];
    case 'route':
      return [line(`route ${verb(step)} ${routeWords(object, step.op)}`)];
    case 'rule':
      // There is no `rule replace`: the new one first, so that there is no moment without any.
      if (step.op === 'change' && step.was.kind === 'rule') {
        return [line(`rule add ${ruleWords(object)}`), line(`rule del ${ruleWords(step.was)}`)];
      }
      return [line(`rule ${step.op === 'delete' ? 'del' : 'add'} ${ruleWords(object)}`)];
    case 'proxy-neighbour':
      return [line(`neigh ${step.op === 'delete' ? 'del' : 'replace'} ${proxyWords(object, step.op)}`)];
    default:
      return [];
  }
}

function linkWords({ ifname, type, mode, parent, id, protocol, table }: Link): string {
  return [
    ...(parent === undefined ? [] : [`link ${parent}`]),
    `name ${ifname} type ${type}`,
    ...(mode === undefined ? [] : [`mode ${mode}`]),
    ...(protocol === undefined ? [] : [`protocol ${protocol}`]),
    ...(id === undefined ? [] : [`id ${id}`]),
    ...(table === undefined ? [] : [`table ${table}`]),
  ].join(' ');
}

/** Nobody else has the link-local address of a tap; that of the host may be somebody's. */
function addressWords({ address, length, ifname, lifetime, metric }: LinkAddress, op: Step['op']): string {
  const nodad = op !== 'delete' && isLinkLocal(address) ? ' nodad' : '';
  const time = op === 'delete' || lifetime === undefined ? '' : ` ${lifetime}`;
  const way = op === 'delete' || metric === undefined ? '' : ` metric ${metric}`;
  return `${address.text}/${length} dev ${ifname}${way}${time}${nodad}`;
}

function verb(step: Step): string {
  return step.op === 'add' ? 'add' : step.op === 'change' ? 'replace' : 'del';
}

function routeWords(route: Route, op: Step['op']): string {
  const scope =
    route.prefix.family === 4 && route.dev !== undefined && route.via === undefined ? ['scope link'] : [];
  return [
    ...(route.type === 'unreachable' ? ['unreachable'] : []),
    route.prefix.text,
    ...(route.via === undefined ? [] : [viaWords(route.via, route.prefix.family)]),
    ...(route.dev === undefined ? [] : [`dev ${route.dev}`]),
    ...(route.via === undefined || route.near === true ? [] : ['onlink']),
    `table ${route.table}`,
    ...(route.metric === 0 ? [] : [`metric ${route.metric}`]),
    `protocol ${route.protocol}`,
    ...(route.source === undefined ? [] : [`src ${route.source.text}`]),
    ...scope,
    ...(route.more === undefined || op === 'delete' ? [] : [route.more]),
  ].join(' ');
}

function viaWords({ family, text }: Address, of: Family): string {
  return family === of ? `via ${text}` : `via inet${family === 6 ? '6' : ''} ${text}`;
}

function ruleWords(rule: Rule): string {
  return `preference ${rule.preference} ${selectorOf(rule)} ${actionOf(rule)} protocol ${rule.protocol}`;
}

/** NUD_PERMANENT survives a flap of the carrier; without it the kernel drops the entry. */
function proxyWords(proxy: ProxyNeighbour, op: Step['op']): string {
  const at = `proxy ${proxy.address.text} dev ${proxy.dev}`;
  return op === 'delete' ? at : `${at} nud permanent protocol ${proxy.protocol}`;
}
