import { quoted, VmnetError } from '../errors.ts';
import { parseIfname } from '../model/ifname.ts';
import { NIC_MODES, type NicMode } from '../model/request.ts';
import { hintFor } from './suggest.ts';

export function parseMode(text: string, where: string): NicMode {
  const mode = NIC_MODES.find(candidate => candidate === text);
  if (mode !== undefined) return mode;
  if (text === 'ext') {
    throw refused(`mode ${text} is not supported yet`, where, `use ${NIC_MODES.join(' or ')}`);
  }
  throw refused(`${quoted(text)} is no mode`, where, hintFor(text, NIC_MODES));
}

/** A bridge for a bridged NIC, and for one on Open vSwitch; the name or number of a routing table for a routed one. */
export function parseLink(text: string, mode: NicMode, where: string): string {
  return mode !== 'routed' ? parseIfname(text, where) : parseWord(text, where, 'routing table');
}

/** A name that goes into messages, records and arguments: nothing in it that any of them could mistake. */
export function parseWord(text: string, where: string, what: string): string {
  if (/^[A-Za-z0-9_.:][A-Za-z0-9_.:-]{0,63}$/.test(text)) return text;
  throw refused(
    `${quoted(text)} is no name of a ${what}`,
    where,
    'up to 64 letters, digits and _ . : - are accepted',
  );
}

export function parseInstance(text: string, where: string): string {
  if (/^[A-Za-z0-9_][A-Za-z0-9._-]{0,254}$/.test(text)) return text;
  throw refused(
    `${quoted(text)} is no instance name`,
    where,
    'up to 255 letters, digits and . _ - are accepted',
  );
}

/** What Ganeti's users call a NIC; it is only compared, and Ganeti lets it be any text. */
export function parseNicName(text: string, where: string): string {
  if (/^[^\p{Cc}\p{Zl}\p{Zp}]{1,255}$/u.test(text)) return text;
  throw refused(
    `${quoted(text)} is no name of a NIC`,
    where,
    'up to 255 characters of one line are accepted',
  );
}

/** A tag, in Ganeti's characters. */
export function parseTag(text: string, where: string): string {
  if (/^[A-Za-z0-9.+*/:@_-]{1,128}$/.test(text)) return text;
  throw refused(
    `${quoted(text)} is no tag`,
    where,
    'up to 128 letters, digits and . + * / : @ _ - are accepted',
  );
}

/**
 * Ganeti's VLANs, in Ganeti's text: `.N` (or bare `N`) access, `:N:N` trunk, `.N:N` access and trunk. Ganeti itself
 * checks neither the range nor, when a NIC is modified, the grammar. Empty is none.
 */
export function parseVlan(text: string, where: string): string | undefined {
  if (text === '') return undefined;
  const ids = text.split(/[.:]/).filter(id => id !== '');
  const fits = /^(\d+|\.\d+|(\.\d+)?(:\d+)+)$/.test(text);
  if (fits && ids.every(id => /^[1-9]\d{0,3}$/.test(id) && Number(id) <= 4094)) return text;
  throw refused(
    `${quoted(text)} is no VLAN of a NIC`,
    where,
    'write .10, :10:20 or .10:20, each from 1 to 4094',
  );
}

function refused(what: string, where: string, hint: string): VmnetError {
  return new VmnetError('request', what, { where, hint });
}
