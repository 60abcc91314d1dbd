import { quoted, VmnetError } from '../errors.ts';
import { type Address, type Family, type Prefix, parseAddress, parsePrefix } from '../model/address.ts';
import type { HostAddress, HostRoute } from '../model/config.ts';
import { HOST_PROTOCOL, VRF_PREFERENCES } from '../model/identity.ts';
import { type Ifname, parseIfname } from '../model/ifname.ts';
import { type Mac, parseMac } from '../model/mac.ts';
import { hintFor } from './suggest.ts';

/** Reads the text of one value; `where` is its place. */
export type Parser<T> = (text: string, where: string) => T;

/** The name of a network or of a table: safe as an argument and in a log line. */
export const NETWORK_NAME = /^[A-Za-z0-9_.:-]{1,64}$/;

export function oneOf<T extends string>(words: readonly T[]): Parser<T> {
  return (text, where) => {
    const word = words.find(candidate => candidate === text);
    if (word === undefined) throw bad(`${quoted(text)} is none of its values`, where, hintFor(text, words));
    return word;
  };
}

export const yesNo: Parser<boolean> = (text, where) => oneOf(['yes', 'no'])(text, where) === 'yes';

export function integer(min: number, max: number): Parser<number> {
  return (text, where) => {
    const number = /^(0|[1-9]\d{0,9})$/.test(text) ? Number(text) : Number.NaN;
    if (number >= min && number <= max) return number;
    throw bad(
      `${quoted(text)} is no number from ${min} to ${max}`,
      where,
      'give a decimal number in that range',
    );
  };
}

/** Route daemons tell the VMs' routes by it, and vmnet the host's own by another. */
export const routeProtocol: Parser<number> = (text, where) => {
  const number = integer(4, 255)(text, where);
  if (number !== HOST_PROTOCOL) return number;
  throw bad(`${number} is the protocol of the host's own routes`, where, 'give another; 118 is free');
};

/** The first of five; 1000 is where the kernel puts its own rule for VRFs, and vmnet has others. */
export const rulePreference: Parser<number> = (text, where) => {
  const first = integer(1, 31_990)(text, where);
  const taken = Object.values(VRF_PREFERENCES).find(one => one >= first && one <= first + 4);
  if (taken === undefined) return first;
  throw bad(
    `${first} to ${first + 4} has preference ${taken} in it`,
    where,
    'the rules for VRFs are there; 900 is free',
  );
};

export const word: Parser<string> = (text, where) => {
  if (NETWORK_NAME.test(text) && !text.startsWith('-')) return text;
  throw bad(`${quoted(text)} is no name`, where, 'up to 64 letters, digits and _ . : - are accepted');
};

/** A unit, as systemd names it. */
export const service: Parser<string> = (text, where) => {
  if (/^[A-Za-z0-9_][A-Za-z0-9@_.:-]{0,254}$/.test(text)) return text;
  throw bad(`${quoted(text)} is no service`, where, 'give the name as systemctl prints it');
};

/** `10 20-29`, each once and in order. */
export const vlans: Parser<readonly number[]> = (text, where) => {
  const ids = list(range)(text, where).flat();
  return [...new Set(ids)].sort((a, b) => a - b);
};

const range: Parser<readonly number[]> = (text, where) => {
  const [first = '', last = first, ...more] = text.split('-');
  const [from, to] = [integer(1, 4094)(first, where), integer(1, 4094)(last, where)];
  if (more.length === 0 && from <= to) return Array.from({ length: to - from + 1 }, (_, i) => from + i);
  throw bad(`${quoted(text)} is no range of VLANs`, where, 'write it as 20-29');
};

/** Words with spaces between them, no word twice. */
export function list<T>(one: Parser<T>): Parser<readonly T[]> {
  return (text, where) => {
    const words = text.split(/[ \t]+/);
    const twice = words.find((candidate, index) => words.indexOf(candidate) < index);
    if (twice !== undefined) throw bad(`${quoted(twice)} is there twice`, where, 'remove one of the two');
    return words.map(each => one(each, where));
  };
}

export const ifname: Parser<Ifname> = parseIfname;

export const bridgeMac: Parser<Mac | 'adopted'> = (text, where) =>
  text === 'adopted' ? text : parseMac(text, where);

/** Seconds, as hundredths of them. */
export const delay: Parser<number> = (text, where) => {
  if (/^\d{1,2}(\.\d{1,2})?$/.test(text) && Number(text) <= 30) return Math.round(Number(text) * 100);
  throw bad(`${quoted(text)} is no delay`, where, 'give seconds from 0 to 30, such as 0 or 15');
};

export function address(family: Family): Parser<Address> {
  return (text, where) => ofFamily(family, parseAddress(text, where), where);
}

/** A subnet: not everything, and nothing that no VM can have an address of. */
export function subnet(family: Family): Parser<Prefix> {
  return (text, where) => {
    const prefix = ofFamily(family, parsePrefix(text, where, 'refuse'), where);
    parseAddress(prefix.address, where);
    return prefix;
  };
}

/** An address of the host with the length of its subnet; link-local ones may be given as well. */
export const hostAddress: Parser<HostAddress> = (text, where) => {
  const { length } = parsePrefix(text, where);
  return { address: parseAddress(text.slice(0, text.indexOf('/')), where), length };
};

/** `PREFIX [via ADDRESS] [metric NUMBER]`, several with commas between them. */
export const hostRoutes: Parser<readonly HostRoute[]> = (text, where) =>
  text.split(',').map(one => hostRoute(one.trim(), where));

function hostRoute(text: string, where: string): HostRoute {
  const [, to = '', via, metric] = /^(\S+)(?: +via +(\S+))?(?: +metric +(\S+))?$/.exec(text) ?? [];
  if (to === '')
    throw bad(`${quoted(text)} is no route`, where, 'write it as 192.0.2.0/24 via 10.0.0.1 metric 100');
  const prefix = parsePrefix(to, where, 'refuse');
  if (prefix.length === 0 && (via === undefined || metric === undefined))
    throw bad(
      `${quoted(to)} is the default route`,
      where,
      'give its router as gateway or gateway6; one beside it has via and metric',
    );
  return {
    prefix,
    ...(via === undefined ? {} : { via: ofFamily(prefix.family, parseAddress(via, where), where) }),
    ...(metric === undefined ? {} : { metric: integer(1, 4_294_967_295)(metric, where) }),
  };
}

export const absolutePath: Parser<string> = (text, where) => {
  if (/^\/[^"'\\]*[^/"'\\]$/.test(text) && !text.split('/').includes('..')) return text;
  throw bad(`${quoted(text)} is no absolute path of a file`, where, 'write it as /var/log/vmnet.log');
};

/** Subnets of either family. */
export const subnets: Parser<readonly Prefix[]> = list((text, where) => {
  const prefix = parsePrefix(text, where, 'refuse');
  if (prefix.length > 0) return prefix;
  throw bad(`${quoted(text)} is everything`, where, 'give the subnets that are meant');
});

/** Protocols, or none of them. */
export const accept: Parser<readonly ('tcp' | 'udp' | 'raw')[]> = (text, where) =>
  text === 'none' ? [] : list(oneOf<'tcp' | 'udp' | 'raw'>(['tcp', 'udp', 'raw']))(text, where);

function ofFamily<T extends Address | Prefix>(family: Family, value: T, where: string): T {
  if (value.family === family) return value;
  const hint =
    family === 4 ? 'IPv6 has a key of its own, with a 6 at its end' : 'IPv4 goes under the key without the 6';
  throw bad(`${value.text} is not IPv${family}`, where, hint);
}

function bad(what: string, where: string, hint: string): VmnetError {
  return new VmnetError('config', what, { where, hint });
}
