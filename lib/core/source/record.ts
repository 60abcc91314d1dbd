import { quoted, VmnetError } from '../errors.ts';
import { type Ifname, parseIfname } from '../model/ifname.ts';
import { parseMac } from '../model/mac.ts';
import type { Network, NetworkFamily } from '../model/network.ts';
import { type KernelObject, type LinkSetting, PORT_SETTINGS, type Sysctl } from '../model/object.ts';
import type { EarlierPort, NicRecord } from '../model/record.ts';
import { fields, flag, type Json, list, oneOf, present, text, whole } from './json.ts';
import { recordedPolicy } from './record-policy.ts';
import { recordedRequest } from './record-request.ts';
import { address, familyOf, ifname, prefix, recordedVlan, word } from './record-values.ts';

const U32 = 2 ** 32 - 1;
const I32 = 2 ** 31 - 1;

/**
 * Parses the text of a record. Records are input like any other: every value is parsed again, and a field that is not
 * known is an error. `where` is the file; what is wrong is a `record` error that names the field.
 */
export function parseRecord(source: string, where: string): NicRecord {
  try {
    return recordOf(JSON.parse(source));
  } catch (thrown) {
    if (!(thrown instanceof VmnetError) && !(thrown instanceof SyntaxError)) throw thrown;
    const what =
      thrown instanceof VmnetError && thrown.where !== undefined
        ? `${thrown.where}: ${thrown.message}`
        : thrown.message;
    throw new VmnetError('record', what, {
      where,
      hint: 'attach the NIC again, which writes it anew; when its tap is gone, vmnet gc removes it',
      cause: thrown,
    });
  }
}

function recordOf(json: Json): NicRecord {
  const row = fields<NicRecord>(json, 'record', {
    version: 'needed',
    state: 'needed',
    request: 'needed',
    network: 'optional',
    bridged: 'optional',
    was: 'optional',
    routeProtocol: 'optional',
    rulePreference: 'optional',
    policy: 'optional',
    ifindex: 'needed',
    before: 'needed',
    at: 'needed',
  });
  whole(row.version, 'version', 1, 1);
  const request = recordedRequest(row.request);
  if ((row.network !== undefined) !== (request.mode === 'routed')) {
    throw new VmnetError('record', 'a routed NIC has a network, and no other', { where: 'network' });
  }
  if (row.bridged !== undefined && request.mode === 'routed') {
    throw new VmnetError('record', 'a routed NIC has no bridge', { where: 'bridged' });
  }
  return {
    version: 1,
    state: oneOf(row.state, 'state', ['pending', 'applied']),
    request,
    ...present('network', row.network, networkOf),
    ...present('bridged', row.bridged, bridgedOf),
    ...present('was', row.was, wasOf),
    ...present('routeProtocol', row.routeProtocol, one => whole(one, 'routeProtocol', 1, 255)),
    ...present('rulePreference', row.rulePreference, one => whole(one, 'rulePreference', 1, 31_990)),
    ...present('policy', row.policy, recordedPolicy),
    ifindex: whole(row.ifindex, 'ifindex', 1, I32),
    before: list(row.before, 'before', (one, at) => beforeOf(one, at, request.ifname)),
    at: timeOf(row.at),
  };
}

function bridgedOf(json: Json): NonNullable<NicRecord['bridged']> {
  const row = fields<NonNullable<NicRecord['bridged']>>(json, 'bridged', {
    addresses: 'needed',
    gateways: 'optional',
    network: 'optional',
    vlanUplinks: 'optional',
  });
  return {
    addresses: list(row.addresses, 'bridged.addresses', (one, at) => address(one, at)),
    ...present('gateways', row.gateways, all => list(all, 'bridged.gateways', (one, at) => address(one, at))),
    ...present('network', row.network, one => text(one, 'bridged.network')),
    ...present('vlanUplinks', row.vlanUplinks, one => list(one, 'bridged.vlanUplinks', ifname)),
  };
}

function wasOf(json: Json): EarlierPort {
  const row = fields<EarlierPort>(json, 'was', {
    mode: 'needed',
    link: 'needed',
    vlan: 'optional',
    vlanUplinks: 'optional',
  });
  return {
    mode: oneOf(row.mode, 'was.mode', ['bridged', 'openvswitch']),
    link: ifname(row.link, 'was.link'),
    ...present('vlan', row.vlan, one => recordedVlan(one, 'was.vlan')),
    ...present('vlanUplinks', row.vlanUplinks, one => list(one, 'was.vlanUplinks', ifname)),
  };
}

function networkOf(json: Json): Network {
  const row = fields<Network>(json, 'network', {
    name: 'needed',
    group: 'needed',
    hostAccess: 'needed',
    vrf: 'optional',
    families: 'needed',
  });
  return {
    name: text(row.name, 'network.name'),
    group: whole(row.group, 'network.group', 1, U32),
    hostAccess: flag(row.hostAccess, 'network.hostAccess'),
    ...present('vrf', row.vrf, one => parseIfname(text(one, 'network.vrf'), 'network.vrf')),
    families: list(row.families, 'network.families', networkFamilyOf),
  };
}

function networkFamilyOf(json: Json, at: string): NetworkFamily {
  const row = fields<NetworkFamily>(json, at, {
    family: 'needed',
    table: 'needed',
    uplink: 'needed',
    subnet: 'optional',
    gateway: 'optional',
    arpSource: 'optional',
    skeleton: 'needed',
  });
  const family = familyOf(row.family, `${at}.family`);
  return {
    family,
    table: whole(row.table, `${at}.table`, 1, U32),
    uplink: ifname(row.uplink, `${at}.uplink`),
    ...present('subnet', row.subnet, one => prefix(one, `${at}.subnet`, family)),
    ...present('gateway', row.gateway, one => address(one, `${at}.gateway`, family)),
    ...present('arpSource', row.arpSource, one => address(one, `${at}.arpSource`, 4)),
    skeleton: flag(row.skeleton, `${at}.skeleton`),
  };
}

/** Only what a link is never without, so that detach has a value to put back. */
function beforeOf(json: Json, at: string, tap: Ifname): KernelObject {
  const kind = (json as { kind?: Json } | null)?.kind;
  return oneOf(kind, `${at}.kind`, ['link-setting', 'sysctl']) === 'sysctl'
    ? sysctlOf(json, at)
    : linkSettingOf(json, at, tap);
}

const SYSCTL = /^net\/(?:ipv4|ipv6)\/(?:(?:conf|neigh)\/([^/]+)\/[a-z0-9_]+|fwmark_reflect)$/;

function sysctlOf(json: Json, at: string): Sysctl {
  const row = fields<Omit<Sysctl, 'during'>>(json, at, { kind: 'needed', path: 'needed', value: 'needed' });
  const path = text(row.path, `${at}.path`);
  const match = SYSCTL.exec(path);
  if (match === null) {
    throw new VmnetError('record', `${quoted(path)} is no sysctl of vmnet's`, { where: `${at}.path` });
  }
  // What stands for a link must be one: `..` is a path to elsewhere.
  const link = match[1];
  if (link !== undefined && link !== 'all' && link !== 'default') parseIfname(link, `${at}.path`);
  return { kind: 'sysctl', path, value: word(row.value, `${at}.value`) };
}

const SETTINGS = ['group', 'mac', 'mtu', 'master', 'state', ...PORT_SETTINGS] as const;

function linkSettingOf(json: Json, at: string, tap: Ifname): LinkSetting {
  const row = fields<Omit<LinkSetting, 'restart'>>(json, at, {
    kind: 'needed',
    ifname: 'needed',
    setting: 'needed',
    value: 'needed',
  });
  const setting = oneOf(row.setting, `${at}.setting`, SETTINGS);
  const value = word(row.value, `${at}.value`);
  oneOf(row.ifname, `${at}.ifname`, [tap]);
  checkSetting(setting, value, `${at}.value`);
  return { kind: 'link-setting', ifname: tap, setting, value };
}

function checkSetting(setting: LinkSetting['setting'], value: string, at: string): void {
  const number = /^\d{1,10}$/.test(value) ? Number(value) : undefined;
  if (setting === 'group') whole(number, at, 0, U32);
  else if (setting === 'mtu') whole(number, at, 1, I32);
  else if (setting === 'mac') parseMac(value, at);
  else if (setting === 'state') oneOf(value, at, ['up', 'down']);
  else if (setting === 'mcast_router') whole(number, at, 0, 2);
  else if (setting !== 'master') oneOf(value, at, ['on', 'off']);
  else if (value !== 'none') parseIfname(value, at);
}

function timeOf(json: Json): string {
  const value = text(json, 'at');
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/.test(value)) {
    throw new VmnetError('record', `${quoted(value)} is no time in UTC`, { where: 'at' });
  }
  return value;
}
