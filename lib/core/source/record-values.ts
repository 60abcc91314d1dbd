// Values that several parts of a record have.
import { quoted, VmnetError } from '../errors.ts';
import { type Address, type Family, type Prefix, parseAddress, parsePrefix } from '../model/address.ts';
import { type Ifname, parseIfname } from '../model/ifname.ts';
import { fields, type Json, text, whole } from './json.ts';
import { parseVlan } from './request-words.ts';

export function ifname(json: Json, at: string): Ifname {
  return parseIfname(text(json, at), at);
}

export function familyOf(json: Json, at: string, only?: Family): Family {
  const family = whole(json, at, only ?? 4, only ?? 6);
  if (family === 4 || family === 6) return family;
  throw new VmnetError('record', `${family} is no address family`, { where: at });
}

export function address(json: Json, at: string, only?: Family): Address {
  const row = fields<Address>(json, at, { family: 'needed', text: 'needed' });
  const parsed = parseAddress(text(row.text, `${at}.text`), at);
  same(parsed, { ...row, family: familyOf(row.family, `${at}.family`, only) }, at);
  return parsed;
}

export function prefix(json: Json, at: string, only?: Family): Prefix {
  const row = fields<Prefix>(json, at, {
    family: 'needed',
    address: 'needed',
    length: 'needed',
    text: 'needed',
  });
  const parsed = parsePrefix(text(row.text, `${at}.text`), at, 'refuse');
  same(parsed, { ...row, family: familyOf(row.family, `${at}.family`, only) }, at);
  return parsed;
}

/** The fields beside `text` repeat it, and `text` is written as vmnet writes it. */
function same(parsed: Address | Prefix, row: object, at: string): void {
  const [expected, found] = [parsed, row].map(one => JSON.stringify(Object.entries(one).sort()));
  if (expected !== found) throw new VmnetError('record', `it should say ${expected}`, { where: at });
}

export function word(json: Json, at: string): string {
  const value = text(json, at);
  if (!/^[A-Za-z0-9_.:@+-]+$/.test(value))
    throw new VmnetError('record', `${quoted(value)} is no plain word`, { where: at });
  return value;
}

export function recordedVlan(json: Json, at: string): string {
  const vlan = parseVlan(text(json, at), at);
  if (vlan !== undefined) return vlan;
  throw new VmnetError('record', 'it is empty', { where: at });
}
