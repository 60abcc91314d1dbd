import { quoted, VmnetError } from '../errors.ts';
import type { Unconfirmed } from '../model/unconfirmed.ts';
import { fields, type Json, list, oneOf, present, text, whole } from './json.ts';
import { word } from './record-values.ts';

/** Parses what a run has written down before a change that is to be confirmed; `where` is the file. */
export function parseUnconfirmed(source: string, where: string): Unconfirmed {
  const json = parsed(source, where);
  const row = fields<Unconfirmed>(json, where, {
    version: 'needed',
    id: 'needed',
    state: 'needed',
    until: 'needed',
    rollback: 'needed',
    boot: 'needed',
    uptime: 'needed',
    author: 'needed',
    authorSince: 'needed',
    connection: 'optional',
    unit: 'optional',
    pid: 'optional',
  });
  whole(row.version, `${where}: version`, 1, 1);
  return {
    version: 1,
    id: word(row.id, `${where}: id`),
    state: oneOf(row.state, `${where}: state`, ['armed', 'undoing', 'undone']),
    until: time(row.until, `${where}: until`),
    rollback: list(row.rollback, `${where}: rollback`, text),
    boot: word(row.boot, `${where}: boot`),
    uptime: whole(row.uptime, `${where}: uptime`, 0, Number.MAX_SAFE_INTEGER),
    author: whole(row.author, `${where}: author`, 1, 2 ** 22),
    authorSince: whole(row.authorSince, `${where}: authorSince`, 0, Number.MAX_SAFE_INTEGER),
    ...present('connection', row.connection, json => text(json, `${where}: connection`)),
    ...present('unit', row.unit, json => word(json, `${where}: unit`)),
    ...present('pid', row.pid, json => whole(json, `${where}: pid`, 1, 2 ** 22)),
  };
}

function parsed(source: string, where: string): Json {
  try {
    return JSON.parse(source);
  } catch (cause) {
    throw new VmnetError('record', 'it is no JSON', {
      where,
      hint: 'look at the network, then remove the file',
      cause,
    });
  }
}

function time(json: Json, at: string): string {
  const value = text(json, at);
  if (/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(value)) return value;
  throw new VmnetError('record', `${quoted(value)} is no time`, { where: at });
}
