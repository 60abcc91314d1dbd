import { type KernelObject, NFT_TABLE, type NftElement, type NftFamily } from '../model/object.ts';
import type { Owners } from './query.ts';

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
interface JsonObject {
  readonly [key: string]: Json;
}

const FAMILIES: readonly string[] = ['inet', 'arp'];

/** What `nft -j` prints. */
export interface NftDocument {
  readonly nftables?: readonly JsonObject[];
}

/** Reads `nft -j list ruleset`: our tables as objects, everybody else's passed over, and of NICs only what `owners` names. */
export function readRuleset(document: NftDocument, owners?: Owners): KernelObject[] {
  const ours = (document.nftables ?? []).flatMap(entry => ourEntry(entry));
  const comments = new Map<string, string[]>();
  for (const { kind, family, body } of ours) {
    if (kind !== 'rule') continue;
    const chain = `${family} ${body.chain}`;
    comments.set(chain, [...(comments.get(chain) ?? []), String(body.comment ?? '')]);
  }
  return ours.flatMap(({ kind, family, body }): KernelObject[] => {
    if (kind === 'table') return [{ kind: 'nft-table', family }];
    if (kind === 'set' || kind === 'map') return setObjects(body, family, owners);
    if (kind === 'chain') return [chainObject(body, family, comments.get(`${family} ${body.name}`) ?? [])];
    return [];
  });
}

function ourEntry(entry: JsonObject): { kind: string; family: NftFamily; body: JsonObject }[] {
  const [kind, body] = (Object.entries(entry)[0] ?? []) as [string?, JsonObject?];
  if (kind === undefined || body === undefined || !FAMILIES.includes(String(body.family))) return [];
  if ((kind === 'table' ? body.name : body.table) !== NFT_TABLE) return [];
  return [{ kind, family: body.family as NftFamily, body }];
}

function chainObject(body: JsonObject, family: NftFamily, comments: readonly string[]): KernelObject {
  const hook = body.hook;
  return {
    kind: 'nft-chain',
    family,
    chain: String(body.name),
    ...(hook === undefined ? {} : { hook: { name: String(hook), priority: Number(body.prio) } }),
    rules: comments.map(comment => ({ text: '', comment })),
  };
}

function setObjects(body: JsonObject, family: NftFamily, owners: Owners | undefined): KernelObject[] {
  const set = String(body.name);
  const key = [body.type ?? ''].flat().join(' . ');
  const type = body.map === undefined ? key : `${key} : ${body.map}`;
  const all = (body.elem ?? []) as readonly Json[];
  const elements =
    owners === undefined || !set.startsWith('tap') ? all : all.filter(element => isOf(element, owners));
  return [
    { kind: 'nft-set', family, set, type },
    ...elements.map(element => elementObject(element, family, set, body.map !== undefined)),
  ];
}

/** Before anything is made of an element: in the sets of NICs it is a name, or a name and an address. */
function isOf(element: Json, { taps, addresses }: Owners): boolean {
  const [tap = '', address = ''] = keyWords(element);
  return taps.has(tap) || addresses.has(address);
}

/** `"tap0"`, `{concat: ["tap0", "192.0.2.5"]}`, `["tap0", 993]` in a map, each perhaps wrapped in `{elem: {val}}`. */
function elementObject(element: Json, family: NftFamily, set: string, isMap: boolean): NftElement {
  const base = { kind: 'nft-element' as const, family, set };
  if (!isMap) return { ...base, key: keyWords(element) };
  const [key, value] = element as readonly [Json, Json];
  return { ...base, key: keyWords(key), value: String(value) };
}

function keyWords(key: Json): string[] {
  if (key === null || typeof key !== 'object' || Array.isArray(key)) return [String(key)];
  const object = key as JsonObject;
  if (object.elem !== undefined) return keyWords((object.elem as JsonObject).val ?? '');
  return ((object.concat ?? []) as readonly Json[]).map(String);
}
