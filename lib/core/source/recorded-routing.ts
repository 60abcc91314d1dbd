// What the host's record and a snapshot have of rules, of sysctls and of what others gave to their routes and addresses.
import { quoted, VmnetError } from '../errors.ts';
import type { Address } from '../model/address.ts';
import type { LinkAddress, Route, Rule, Sysctl } from '../model/object.ts';
import { fields, flag, type Json, oneOf, present, text, whole } from './json.ts';
import { address, familyOf, prefix, word } from './record-values.ts';

const I32 = 2_147_483_647;
const U32 = 4_294_967_295;

/** A rule by addresses, or a port of UDP, which looks up a table: others VRFs neither make nor take away. */
export function ruleOf(json: Json, at: string): Rule {
  const row = fields<Omit<Rule, 'fwmark' | 'iif'>>(json, at, {
    kind: 'needed',
    family: 'needed',
    preference: 'needed',
    from: 'optional',
    to: 'optional',
    udpPort: 'optional',
    action: 'needed',
    protocol: 'needed',
  });
  return {
    kind: 'rule',
    family: familyOf(row.family, `${at}.family`),
    preference: whole(row.preference, `${at}.preference`, 0, U32),
    ...present('from', row.from, one => prefix(one, `${at}.from`)),
    ...present('to', row.to, one => prefix(one, `${at}.to`)),
    ...present('udpPort', row.udpPort, one => whole(one, `${at}.udpPort`, 1, 65_535)),
    action: actionOf(row.action, `${at}.action`),
    protocol: whole(row.protocol, `${at}.protocol`, 0, 255),
  };
}

function actionOf(json: Json, at: string): Rule['action'] {
  const row = fields<{ do: string; table?: number }>(json, at, { do: 'needed', table: 'optional' });
  const what = oneOf(row.do, `${at}.do`, ['lookup', 'l3mdev', 'l3mdev unreachable']);
  return what === 'lookup' ? { do: what, table: whole(row.table, `${at}.table`, 1, U32) } : { do: what };
}

/** A number below net/. */
export function sysctlOf(json: Json, at: string): Sysctl {
  const row = fields<Omit<Sysctl, 'during'>>(json, at, { kind: 'needed', path: 'needed', value: 'needed' });
  const path = text(row.path, `${at}.path`);
  if (!/^net(\/[A-Za-z0-9_.:@+-]+)+$/.test(path) || path.split('/').includes('..'))
    throw new VmnetError('record', `${quoted(path)} is no sysctl of the network`, { where: `${at}.path` });
  const value = whole(Number(word(row.value, `${at}.value`)), `${at}.value`, -1, I32);
  return { kind: 'sysctl', path, value: String(value) };
}

/** An address of the host's, or of a loopback, as VRFs have them. */
export function ownAddress(json: Json, at: string): Address {
  const row = fields<Address>(json, at, { family: 'needed', text: 'needed' });
  if (row.text === '::1' && row.family === 6) return { family: 6, text: row.text };
  const bytes = /^127\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(String(row.text))?.slice(1).map(Number);
  if (bytes?.every(byte => byte < 256) && row.family === 4)
    return { family: 4, text: `127.${bytes.join('.')}` };
  return address(json, at);
}

/** What a route has of somebody else. */
export function givenToRoute(row: { near?: Json; more?: Json }, at: string): Pick<Route, 'near' | 'more'> {
  return {
    ...(row.near !== undefined && flag(row.near, `${at}.near`) ? { near: true } : {}),
    ...present('more', row.more, one => words(one, `${at}.more`)),
  };
}

/** What an address has of somebody else. */
export function givenToAddress(
  row: { dynamic?: Json; lifetime?: Json; metric?: Json },
  at: string,
): Pick<LinkAddress, 'dynamic' | 'lifetime' | 'metric'> {
  return {
    ...(row.dynamic !== undefined && flag(row.dynamic, `${at}.dynamic`) ? { dynamic: true } : {}),
    ...present('lifetime', row.lifetime, one => words(one, `${at}.lifetime`)),
    ...present('metric', row.metric, one => whole(one, `${at}.metric`, 0, 4_294_967_295)),
  };
}

/** `src 10.0.0.2 mtu 1400`: pairs of a word and what it says. */
function words(json: Json, at: string): string {
  const value = text(json, at);
  if (/^[a-z_]+ [0-9A-Za-z.:]+( [a-z_]+ [0-9A-Za-z.:]+)*$/.test(value)) return value;
  throw new VmnetError('record', `${quoted(value)} is not a row of words of ip`, { where: at });
}
