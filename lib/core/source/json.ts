import { quoted, VmnetError } from '../errors.ts';

/** What JSON.parse returned, or a part of it, before anybody looked at it. */
export type Json = unknown;

/**
 * The fields of an object: those of T and no others. The table has to name every field of T, so a new one that nobody
 * reads does not compile.
 */
export function fields<T>(
  json: Json,
  at: string,
  known: { readonly [K in keyof Required<T>]: 'needed' | 'optional' },
): { readonly [K in keyof T]?: Json } {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw wrong(json, at, 'an object');
  const unknown = Object.keys(json).find(key => !Object.hasOwn(known, key));
  if (unknown !== undefined)
    throw new VmnetError('record', `unknown field ${quoted(unknown)}`, { where: at });
  const missing = Object.entries(known).find(([key, need]) => need === 'needed' && !Object.hasOwn(json, key));
  if (missing !== undefined)
    throw new VmnetError('record', `field ${quoted(missing[0])} is missing`, { where: at });
  return json;
}

/** A property to spread: none when there is no value. */
export function present<K extends string, T>(
  key: K,
  json: Json,
  read: (json: Json) => T,
): { readonly [P in K]?: T } {
  if (json === undefined) return {};
  const property: { [P in string]: T } = { [key]: read(json) };
  return property as { readonly [P in K]?: T };
}

export function list<T>(json: Json, at: string, read: (json: Json, at: string) => T): readonly T[] {
  if (!Array.isArray(json)) throw wrong(json, at, 'a list');
  return json.map((one, i) => read(one, `${at}[${i}]`));
}

/** A line of text: not empty, no control characters, up to 255 long. */
export function text(json: Json, at: string): string {
  if (typeof json !== 'string' || !/^[^\p{Cc}\p{Zl}\p{Zp}]{1,255}$/u.test(json))
    throw wrong(json, at, 'a line of text');
  return json;
}

export function whole(json: Json, at: string, least: number, most: number): number {
  if (typeof json !== 'number' || !Number.isInteger(json) || json < least || json > most) {
    throw wrong(json, at, least === most ? String(least) : `a whole number from ${least} to ${most}`);
  }
  return json;
}

export function flag(json: Json, at: string): boolean {
  if (typeof json !== 'boolean') throw wrong(json, at, 'true or false');
  return json;
}

export function oneOf<T extends string>(json: Json, at: string, words: readonly T[]): T {
  const word = words.find(one => one === json);
  if (word === undefined) throw wrong(json, at, words.join(' or '));
  return word;
}

function wrong(json: Json, at: string, wanted: string): VmnetError {
  return new VmnetError('record', `${quoted(JSON.stringify(json) ?? 'nothing')} is not ${wanted}`, {
    where: at,
  });
}
