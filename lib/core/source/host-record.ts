import { quoted, VmnetError } from '../errors.ts';
import type { HostRecord } from '../model/host-record.ts';
import { parseIfname } from '../model/ifname.ts';
import { BOND_SETTINGS, BRIDGE_SETTINGS } from '../model/link.ts';
import { parseMac } from '../model/mac.ts';
import { type LinkSetting, PORT_SETTINGS } from '../model/object.ts';
import { fields, type Json, list, oneOf, text, whole } from './json.ts';
import { word } from './record-values.ts';

const I32 = 2_147_483_647;

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

function recordOf(json: Json): HostRecord {
  const row = fields<HostRecord>(json, 'record', {
    version: 'needed',
    links: 'needed',
    made: 'needed',
    before: 'needed',
    at: 'needed',
  });
  whole(row.version, 'version', 1, 1);
  return {
    version: 1,
    links: linksOf(row.links),
    made: list(row.made, 'made', madeOf),
    before: list(row.before, 'before', settingOf),
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
  if (/^(link|address) \S+( \S+)?$/.test(key)) return key;
  throw new VmnetError('record', `${quoted(key)} is neither a link nor an address`, { where: at });
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
  return { kind: 'link-setting', ifname: parseIfname(text(row.ifname, `${at}.ifname`), at), setting, value };
}
