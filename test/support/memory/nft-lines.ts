// Carries out one nft transaction: on a copy, which takes the place of the ruleset when every line was good.
import { refused } from './refuse.ts';
import type { Chain, KernelState, SetOrMap, Table } from './state.ts';

export function nftTransaction(state: KernelState, lines: readonly string[]): void {
  const ruleset = structuredClone(state.nft);
  for (const line of lines) nftLine(ruleset, line);
  state.nft = ruleset;
}

type Ruleset = Map<string, Table>;

function nftLine(ruleset: Ruleset, line: string): void {
  const fail = (why: string): never => {
    throw refused('nft', line, why);
  };
  const [, verb = '', what = '', family = '', name = '', rest = ''] =
    /^(add|delete|flush) (table|set|map|chain|rule|element) (\S+) (\S+) ?(.*)$/.exec(line) ??
    fail('syntax error');
  const key = `${family} ${name}`;
  if (what === 'table') {
    if (verb === 'add' && !ruleset.has(key)) ruleset.set(key, { sets: new Map(), chains: new Map() });
    if (verb === 'delete' && !ruleset.delete(key)) fail('No such file or directory');
    return;
  }
  const table = ruleset.get(key) ?? fail('No such file or directory');
  if (what === 'chain') chainLine(table, verb, rest, fail);
  else if (what === 'rule') addRule(table, rest, fail);
  else if (what === 'element') elementLine(table, verb, rest, fail);
  else setLine(table, verb, rest, fail);
}

type Fail = (why: string) => never;

/** Since Linux 6.16 a chain of netdev waits for its device; before, there is none without it. */
function chainLine(table: Table, verb: string, rest: string, fail: Fail): void {
  const [, name = '', hook, , priority, policy] =
    /^(\S+)(?: \{ type filter hook (\S+)(?: device "(\S+)")? priority (-?\d+); policy (accept|drop); \})?$/.exec(
      rest,
    ) ?? fail('syntax error');
  const chain = table.chains.get(name);
  if (verb === 'add') {
    const wanted =
      hook === undefined
        ? undefined
        : { name: hook, priority: Number(priority), policy: policy as 'accept' | 'drop' };
    if (chain === undefined) table.chains.set(name, { hook: wanted, rules: [] });
    // A line without a hook is about whichever chain there is.
    else if (wanted !== undefined && JSON.stringify(chain.hook) !== JSON.stringify(wanted))
      fail('File exists');
    return;
  }
  if (chain === undefined) throw fail('No such file or directory');
  if (verb === 'flush') chain.rules.length = 0;
  else if (rulesOf(table).some(({ text }) => new RegExp(`(goto|jump) ${name}(?![\\w-])`).test(text)))
    fail('Device or resource busy');
  else table.chains.delete(name);
}

function addRule(table: Table, rest: string, fail: Fail): void {
  const [, name = '', text = '', comment = ''] =
    /^(\S+) (.*) comment "([^"]*)"$/.exec(rest) ?? fail('syntax error');
  const chain: Chain = table.chains.get(name) ?? fail('No such file or directory');
  for (const [, set = ''] of text.matchAll(/@(\w+)(?![\w,])/g))
    if (!table.sets.has(set)) fail('No such file or directory');
  for (const [, target = ''] of text.matchAll(/(?:goto|jump) ([\w-]+)/g))
    if (!table.chains.has(target)) fail('No such file or directory');
  chain.rules.push({ text, comment });
}

function rulesOf(table: Table): Chain['rules'] {
  return [...table.chains.values()].flatMap(chain => chain.rules);
}

function setLine(table: Table, verb: string, rest: string, fail: Fail): void {
  const [, name = '', type, interval] =
    /^(\S+)(?: \{ type ([^;]+);( flags interval;)? \})?$/.exec(rest) ?? fail('syntax error');
  const set = table.sets.get(name);
  if (verb === 'add') {
    if (type === undefined) fail('syntax error');
    else if (set === undefined) {
      table.sets.set(name, { type, interval: interval !== undefined, elements: new Map() });
    } else if (set.type !== type) fail('File exists');
    return;
  }
  if (set === undefined) fail('No such file or directory');
  if (rulesOf(table).some(({ text }) => new RegExp(`@${name}\\b`).test(text)))
    fail('Device or resource busy');
  table.sets.delete(name);
}

function elementLine(table: Table, verb: string, rest: string, fail: Fail): void {
  const [, name = '', body = ''] = /^(\S+) \{ (.*) \}$/.exec(rest) ?? fail('syntax error');
  const set: SetOrMap = table.sets.get(name) ?? fail('No such file or directory');
  for (const item of body.split(', ')) {
    const [words = '', value] = item.split(' : ');
    const key = words.split(' . ').map(word => word.replaceAll('"', ''));
    checkTypes(set, words.split(' . '), value, verb, fail);
    const at = key.join(' . ');
    const old = set.elements.get(at);
    if (verb === 'delete') {
      if (old === undefined) fail('No such file or directory');
      set.elements.delete(at);
    } else if (old !== undefined && old.value !== value) {
      fail('File exists');
    } else set.elements.set(at, { key, ...(value === undefined ? {} : { value }) });
  }
}

/** Names are in quotes and nothing else is; a value belongs to a map. */
function checkTypes(
  set: SetOrMap,
  key: readonly string[],
  value: string | undefined,
  verb: string,
  fail: Fail,
): void {
  const [keys = '', values] = set.type.split(' : ');
  const types = keys.split(' . ');
  if (types.length !== key.length) fail('a key of other parts');
  for (const [i, type] of types.entries())
    if ((type === 'ifname') !== /^".*"$/.test(key[i] ?? '')) fail(`not of type ${type}`);
  if (verb === 'add' && (values === undefined) !== (value === undefined))
    fail('a map has values, a set has none');
}
