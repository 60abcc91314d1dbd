import { quoted, VmnetError } from '../errors.ts';
import type { HostRecord, Remembered } from '../model/host-record.ts';
import { parseIfname } from '../model/ifname.ts';
import { BOND_SETTINGS, BRIDGE_SETTINGS } from '../model/link.ts';
import { parseMac } from '../model/mac.ts';
import { type LinkAddress, type LinkSetting, PORT_SETTINGS, type Route } from '../model/object.ts';
import { fields, type Json, list, oneOf, present, text, whole } from './json.ts';
import { address, ifname, prefix, word } from './record-values.ts';
import { givenToAddress, givenToRoute, ownAddress, ruleOf, sysctlOf } from './recorded-routing.ts';

const I32 = 2_147_483_647;
const U32 = 4_294_967_295;

/** The text of host.json; every error has exit `record` and names the field. */
export function parseHostRecord(content: string, file: string): HostRecord {
  try {
    return recordOf(JSON.parse(content));
  } catch (thrown) {
    const what = thrown instanceof VmnetError ? `${thrown.where}: ${thrown.message}` : 'it is no JSON';
    throw new VmnetError('record', what, {
      where: file,
      hint: 'remove the file: then vmnet takes no link of the host for one that it made',
      cause: thrown,
    });
  }
}

/** The record, from what JSON.parse returned. */
export function recordOf(json: Json): HostRecord {
  const row = fields<HostRecord>(json, 'record', {
    version: 'needed',
    links: 'needed',
    made: 'needed',
    before: 'needed',
    asked: 'optional',
    at: 'needed',
  });
  whole(row.version, 'version', 1, 1);
  return {
    version: 1,
    links: linksOf(row.links),
    made: list(row.made, 'made', madeOf),
    before: list(row.before, 'before', rememberedOf),
    ...present('asked', row.asked, one => word(one, 'asked')),
    at: text(row.at, 'at'),
  };
}

function linksOf(json: Json): HostRecord['links'] {
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw new VmnetError('record', `${quoted(JSON.stringify(json))} is not an object`, { where: 'links' });
  return Object.fromEntries(
    Object.entries(json).map(([name, index]) => [
      parseIfname(name, 'links'),
      whole(index, `links.${name}`, 1, I32),
    ]),
  );
}

function madeOf(json: Json, at: string): string {
  const key = text(json, at);
  if (/^(link|address) \S+( \S+)?$|^rule [46] \d+ from \S+( lookup \d+)?$/.test(key)) return key;
  throw new VmnetError('record', `${quoted(key)} is neither a link nor an address nor a rule`, { where: at });
}

const SETTINGS = [
  'mtu',
  'master',
  'state',
  'own-mac',
  ...PORT_SETTINGS,
  ...BOND_SETTINGS,
  ...BRIDGE_SETTINGS,
] as const;

const READ = {
  'link-setting': settingOf,
  address: addressOf,
  route: routeOf,
  rule: ruleOf,
  sysctl: sysctlOf,
} as const;

function rememberedOf(json: Json, at: string): Remembered {
  const kind = (json as { kind?: Json } | null)?.kind;
  const one = oneOf(kind, `${at}.kind`, Object.keys(READ) as Remembered['kind'][]);
  return READ[one](json, at);
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
  const length = whole(row.length, `${at}.length`, 0, given.family === 4 ? 32 : 128);
  return {
    kind: 'address',
    ifname: ifname(row.ifname, `${at}.ifname`),
    address: given,
    length,
    ...givenToAddress({ metric: row.metric }, at),
  };
}

function routeOf(json: Json, at: string): Route {
  const row = fields<Route>(json, at, {
    kind: 'needed',
    table: 'needed',
    prefix: 'needed',
    type: 'needed',
    dev: 'needed',
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
    type: oneOf(row.type, `${at}.type`, ['unicast']),
    dev: ifname(row.dev, `${at}.dev`),
    ...present('via', row.via, one => address(one, `${at}.via`)),
    ...present('source', row.source, one => address(one, `${at}.source`)),
    ...givenToRoute(row, at),
    metric: whole(row.metric, `${at}.metric`, 0, U32),
    protocol: whole(row.protocol, `${at}.protocol`, 0, 255),
  };
}

function settingOf(json: Json, at: string): LinkSetting {
  const row = fields<Omit<LinkSetting, 'restart'>>(json, at, {
    kind: 'needed',
    ifname: 'needed',
    setting: 'needed',
    value: 'needed',
  });
  oneOf(row.kind, `${at}.kind`, ['link-setting']);
  const setting = oneOf(row.setting, `${at}.setting`, SETTINGS);
  const value = word(row.value, `${at}.value`);
  if (setting === 'state') oneOf(value, `${at}.value`, ['up', 'down']);
  else if (setting === 'own-mac') parseMac(value, `${at}.value`);
  else if (setting === 'master' || setting === 'primary') parseIfname(value, `${at}.value`);
  else if (!['xmit_hash_policy', 'lacp_rate', ...PORT_SETTINGS].includes(setting))
    whole(Number(value), `${at}.value`, 0, I32);
  return { kind: 'link-setting', ifname: ifname(row.ifname, `${at}.ifname`), setting, value };
}
