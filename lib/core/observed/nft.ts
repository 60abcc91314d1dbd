import { NFT_TABLE, type NftElement, type NftFamily, type NftRule } from '../model/nft.ts';
import type { KernelObject } from '../model/object.ts';
import type { NftQuery } from './query.ts';

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
interface JsonObject {
  readonly [key: string]: Json;
}

/** What `nft -j` prints. */
export interface NftDocument {
  readonly nftables?: readonly JsonObject[];
}

/** The command that asks for it. */
export function nftQuestion(query: NftQuery): string {
  const { family } = query;
  if ('chain' in query) return `list chain ${family} ${NFT_TABLE} ${query.chain}`;
  return 'there' in query ? `list chains ${family}` : `list table ${family} ${NFT_TABLE}`;
}

/** Of what nft said beside its answers, what went wrong: that something is not there is an answer as well. */
export function complaintOf(said: string): string | undefined {
  return said
    .split('\n')
    .find(line => /\bError: |Operation not permitted/.test(line) && !/No such file or directory/.test(line));
}

/**
 * Reads what nft answered: our tables as objects, everybody else's passed over, and of NICs only those of `taps`. Who
 * asks for one chain learns as well that its table is there.
 */
export function readTables(
  document: NftDocument,
  query: NftQuery,
  taps?: ReadonlySet<string>,
): KernelObject[] {
  const { family } = query;
  const ours = (document.nftables ?? []).flatMap(entry => ourEntry(entry, family));
  if (ours.length === 0) return [];
  const table: KernelObject = { kind: 'nft-table', family };
  if ('there' in query) {
    return [table, ...ours.map(({ body }) => chainObject(body, family, []))];
  }
  const rules = Map.groupBy(
    ours.filter(({ kind }) => kind === 'rule'),
    ({ body }) => String(body.chain),
  );
  return [
    table,
    ...ours.flatMap(({ kind, body }): KernelObject[] => {
      if (kind === 'set' || kind === 'map') return setObjects(body, family, taps);
      if (kind !== 'chain') return [];
      return [
        chainObject(
          body,
          family,
          (rules.get(String(body.name)) ?? []).map(rule => rule.body),
        ),
      ];
    }),
  ];
}

function ourEntry(entry: JsonObject, family: NftFamily): { kind: string; body: JsonObject }[] {
  const [kind, body] = (Object.entries(entry)[0] ?? []) as [string?, JsonObject?];
  if (kind === undefined || body === undefined || body.family !== family) return [];
  return (kind === 'table' ? body.name : body.table) === NFT_TABLE ? [{ kind, body }] : [];
}

function chainObject(body: JsonObject, family: NftFamily, rules: readonly JsonObject[]): KernelObject {
  const { hook, prio, policy } = body;
  return {
    kind: 'nft-chain',
    family,
    chain: String(body.name),
    ...(hook === undefined
      ? {}
      : {
          hook: {
            name: String(hook),
            priority: Number(prio),
            policy: policy === 'drop' ? ('drop' as const) : ('accept' as const),
          },
        }),
    rules: rules.map(ruleOf),
  };
}

function ruleOf({ comment, expr }: JsonObject): NftRule {
  const counter = ((expr ?? []) as readonly JsonObject[]).find(each => each.counter != null)?.counter;
  const packets = (counter as JsonObject | undefined)?.packets;
  return {
    text: '',
    comment: String(comment ?? ''),
    ...(packets === undefined ? {} : { packets: Number(packets) }),
  };
}

function setObjects(
  body: JsonObject,
  family: NftFamily,
  taps: ReadonlySet<string> | undefined,
): KernelObject[] {
  const set = String(body.name);
  const key = [body.type ?? ''].flat().join(' . ');
  const type = body.map === undefined ? key : `${key} : ${body.map}`;
  const isMap = body.map !== undefined;
  const all = (body.elem ?? []) as readonly Json[];
  const first = (one: Json): string => keyWords(isMap ? ((one as readonly Json[])[0] ?? '') : one)[0] ?? '';
  // Before anything is made of an element: of a thousand NICs' that is most of the work.
  const elements =
    taps === undefined || !set.startsWith('tap') ? all : all.filter(one => taps.has(first(one)));
  return [
    { kind: 'nft-set', family, set, type, ...(isInterval(body) ? { interval: true as const } : {}) },
    ...elements.map(one => elementObject(one, family, set, isMap)),
  ];
}

function isInterval({ flags }: JsonObject): boolean {
  return Array.isArray(flags) && flags.includes('interval');
}

/** `"tap0"`, `{concat: ["tap0", "192.0.2.5"]}`, `["tap0", 993]` in a map, each perhaps wrapped in `{elem: {val}}`. */
function elementObject(element: Json, family: NftFamily, set: string, isMap: boolean): NftElement {
  const base = { kind: 'nft-element' as const, family, set };
  if (!isMap) return { ...base, key: keyWords(element) };
  const [key, value] = element as readonly [Json, Json];
  return { ...base, key: keyWords(key), value: valueWord(value) };
}

/** `993`, or in a map of verdicts `{goto: {target: "c"}}`. */
function valueWord(value: Json): string {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return String(value);
  const [[verdict, body] = ['', null]] = Object.entries(value as JsonObject);
  return `${verdict} ${(body as JsonObject | null)?.target ?? ''}`.trim();
}

function keyWords(key: Json): string[] {
  if (key === null || typeof key !== 'object' || Array.isArray(key)) return [String(key)];
  const object = key as JsonObject;
  if (object.range !== undefined) return [(object.range as readonly Json[]).join('-')];
  if (object.prefix !== undefined) return [prefixWord(object.prefix as JsonObject)];
  if (object.elem !== undefined) return keyWords((object.elem as JsonObject).val ?? '');
  return ((object.concat ?? []) as readonly Json[]).flatMap(keyWords);
}

function prefixWord({ addr, len }: JsonObject): string {
  return `${addr}/${len}`;
}
