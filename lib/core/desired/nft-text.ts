import type { Prefix } from '../model/address.ts';
import { digest } from '../model/digest.ts';
import type { NftChain, NftElement, NftFamily, NftHook, NftRule, NftSet } from '../model/nft.ts';

export function element(family: NftFamily, set: string, key: readonly string[], value?: string): NftElement {
  return { kind: 'nft-element', family, set, key, ...(value === undefined ? {} : { value }) };
}

export function set(family: NftFamily, name: string, type: string, interval = false): NftSet {
  return { kind: 'nft-set', family, set: name, type, ...(interval ? { interval: true as const } : {}) };
}

/** A rule's text, and what it is in words. */
export type RuleWords = readonly [text: string, words: string];

export function chain(
  family: NftFamily,
  name: string,
  rules: readonly RuleWords[],
  hook?: NftHook,
): NftChain {
  return {
    kind: 'nft-chain',
    family,
    chain: name,
    ...(hook === undefined ? {} : { hook }),
    rules: rules.map(([text, words]) => rule(text, words)),
  };
}

/** A host's address without its length: with it, nft would make a range of one. */
export function wordOf({ family, address, length, text }: Prefix): string {
  return length === (family === 4 ? 32 : 128) ? address : text;
}

export function hex(bytes: Uint8Array): string {
  return Array.from(bytes, byte => byte.toString(16).padStart(2, '0')).join('');
}

/** The words of a rule's comment, without the digest. */
export function wordsOf(comment: string): string {
  return comment.replace(/ #[0-9a-f]{8}$/, '');
}

function rule(text: string, words: string): NftRule {
  return { text, comment: `${words} #${digest(text)}` };
}
