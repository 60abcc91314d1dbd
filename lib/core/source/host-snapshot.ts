import { VmnetError } from '../errors.ts';
import type { HostSnapshot, NetworkdFile, Snapped } from '../model/host-snapshot.ts';
import { BOND_SETTINGS, BRIDGE_SETTINGS, type Link } from '../model/link.ts';
import { type LinkAddress, type LinkSetting, PORT_SETTINGS, type Route } from '../model/object.ts';
import type { OvsBridge } from '../model/ovs-bridge.ts';
import type { OvsPort } from '../model/ovs-port.ts';
import { recordOf } from './host-record.ts';
import { fields, flag, type Json, list, oneOf, present, text, whole } from './json.ts';
import { address, ifname, prefix, word } from './record-values.ts';
import { givenToAddress, givenToRoute, ownAddress, ruleOf, sysctlOf } from './recorded-routing.ts';

const U32 = 4_294_967_295;

/** The text of a snapshot; every error has exit `record` and names the field. */
export function parseHostSnapshot(content: string, file: string): HostSnapshot {
  try {
    return snapshotOf(JSON.parse(content));
  } catch (thrown) {
    const what = thrown instanceof VmnetError ? `${thrown.where}: ${thrown.message}` : 'it is no JSON';
    throw new VmnetError('record', what, {
      where: file,
      hint: 'name a file that vmnet host up --confirm has written',
      cause: thrown,
    });
  }
}

function snapshotOf(json: Json): HostSnapshot {
  const row = fields<HostSnapshot>(json, 'snapshot', {
    version: 'needed',
    was: 'needed',
    wanted: 'needed',
    names: 'needed',
    record: 'optional',
    live: 'needed',
    networkd: 'optional',
  });
  whole(row.version, 'version', 1, 1);
  return {
    version: 1,
    was: list(row.was, 'was', objectOf),
    wanted: list(row.wanted, 'wanted', text),
    names: list(row.names, 'names', ifname),
    ...present('record', row.record, recordOf),
    live: list(row.live, 'live', ifname),
    ...present('networkd', row.networkd, one => list(one, 'networkd', networkdFileOf)),
  };
}

/** What is read here is written as root: below networkd's directory, and nowhere else. */
const NETWORKD_PATH = /^\/etc\/systemd\/network\/(?!\.)[^/]+(\/(?!\.)[^/]+)?$/;

function networkdFileOf(json: Json, at: string): NetworkdFile {
  const row = fields<NetworkdFile>(json, at, { path: 'needed', lines: 'needed' });
  const path = text(row.path, `${at}.path`);
  if (!NETWORKD_PATH.test(path))
    throw new VmnetError('record', `${path} is no file of systemd-networkd's`, { where: `${at}.path` });
  return { path, lines: list(row.lines, `${at}.lines`, fileLine) };
}

/** What an administrator has added to a file of ours is no reason not to go back. */
function fileLine(json: Json, at: string): string {
  if (typeof json === 'string' && !json.includes('\n')) return json;
  throw new VmnetError('record', 'a line of a file is wanted', { where: at });
}

const READ = {
  link: linkOf,
  'link-setting': settingOf,
  address: addressOf,
  route: routeOf,
  rule: ruleOf,
  sysctl: sysctlOf,
  'ovs-bridge': ovsBridgeOf,
  'ovs-port': ovsPortOf,
} as const;

function objectOf(json: Json, at: string): Snapped {
  const kind = oneOf(
    (json as { kind?: Json } | null)?.kind,
    `${at}.kind`,
    Object.keys(READ) as Snapped['kind'][],
  );
  return READ[kind](json, at);
}

function linkOf(json: Json, at: string): Link {
  const row = fields<Link>(json, at, {
    kind: 'needed',
    ifname: 'needed',
    type: 'needed',
    mode: 'optional',
    parent: 'optional',
    id: 'optional',
    protocol: 'optional',
    table: 'optional',
  });
  return {
    kind: 'link',
    ifname: ifname(row.ifname, `${at}.ifname`),
    type: word(row.type, `${at}.type`),
    ...present('mode', row.mode, one => word(one, `${at}.mode`)),
    ...present('parent', row.parent, one => ifname(one, `${at}.parent`)),
    ...present('id', row.id, one => whole(one, `${at}.id`, 0, 4095)),
    ...present('protocol', row.protocol, one => word(one, `${at}.protocol`)),
    ...present('table', row.table, one => whole(one, `${at}.table`, 1, U32)),
  };
}

const SETTINGS = [
  'group',
  'mtu',
  'master',
  'state',
  'own-mac',
  ...PORT_SETTINGS,
  ...BOND_SETTINGS,
  ...BRIDGE_SETTINGS,
] as const;

function settingOf(json: Json, at: string): LinkSetting {
  const row = fields<LinkSetting>(json, at, {
    kind: 'needed',
    ifname: 'needed',
    setting: 'needed',
    value: 'needed',
    restart: 'optional',
  });
  return {
    kind: 'link-setting',
    ifname: ifname(row.ifname, `${at}.ifname`),
    setting: oneOf(row.setting, `${at}.setting`, SETTINGS),
    value: word(row.value, `${at}.value`),
    ...(row.restart === undefined ? {} : { restart: oneOf(row.restart, `${at}.restart`, ['up', 'down']) }),
  };
}

function addressOf(json: Json, at: string): LinkAddress {
  const row = fields<LinkAddress>(json, at, {
    kind: 'needed',
    ifname: 'needed',
    address: 'needed',
    length: 'needed',
    dynamic: 'optional',
    lifetime: 'optional',
    metric: 'optional',
  });
  const given = ownAddress(row.address, `${at}.address`);
  return {
    kind: 'address',
    ifname: ifname(row.ifname, `${at}.ifname`),
    address: given,
    length: whole(row.length, `${at}.length`, 0, given.family === 4 ? 32 : 128),
    ...givenToAddress(row, at),
  };
}

function routeOf(json: Json, at: string): Route {
  const row = fields<Route>(json, at, {
    kind: 'needed',
    table: 'needed',
    prefix: 'needed',
    type: 'needed',
    dev: 'optional',
    via: 'optional',
    source: 'optional',
    near: 'optional',
    more: 'optional',
    metric: 'needed',
    protocol: 'needed',
    ofAddress: 'optional',
  });
  return {
    kind: 'route',
    table: whole(row.table, `${at}.table`, 1, U32),
    prefix: prefix(row.prefix, `${at}.prefix`),
    type: oneOf(row.type, `${at}.type`, ['unicast', 'unreachable']),
    ...present('dev', row.dev, one => ifname(one, `${at}.dev`)),
    ...present('via', row.via, one => address(one, `${at}.via`)),
    ...present('source', row.source, one => address(one, `${at}.source`)),
    ...givenToRoute(row, at),
    metric: whole(row.metric, `${at}.metric`, 0, U32),
    protocol: whole(row.protocol, `${at}.protocol`, 0, 255),
  };
}

function ovsBridgeOf(json: Json, at: string): OvsBridge {
  const row = fields<OvsBridge>(json, at, {
    kind: 'needed',
    ifname: 'needed',
    mtu: 'optional',
    made: 'optional',
  });
  return {
    kind: 'ovs-bridge',
    ifname: ifname(row.ifname, `${at}.ifname`),
    ...present('mtu', row.mtu, one => whole(one, `${at}.mtu`, 68, 65_535)),
    ...(row.made !== undefined && flag(row.made, `${at}.made`) ? { made: true } : {}),
  };
}

function ovsPortOf(json: Json, at: string): OvsPort {
  const row = fields<Omit<OvsPort, 'error'>>(json, at, {
    kind: 'needed',
    ifname: 'needed',
    bridge: 'needed',
    vlanMode: 'optional',
    tag: 'optional',
    trunks: 'needed',
    isolated: 'needed',
    madeFor: 'optional',
    ofHost: 'optional',
  });
  return {
    kind: 'ovs-port',
    ifname: ifname(row.ifname, `${at}.ifname`),
    bridge: ifname(row.bridge, `${at}.bridge`),
    ...present('vlanMode', row.vlanMode, one => word(one, `${at}.vlanMode`)),
    ...present('tag', row.tag, one => whole(one, `${at}.tag`, 0, 4095)),
    trunks: list(row.trunks, 'trunks', one => whole(one, `${at}.trunks`, 0, 4095)),
    isolated: flag(row.isolated, `${at}.isolated`),
    ...present('madeFor', row.madeFor, one => whole(one, `${at}.madeFor`, 1, U32)),
    ...(row.ofHost !== undefined && flag(row.ofHost, `${at}.ofHost`) ? { ofHost: true } : {}),
  };
}
