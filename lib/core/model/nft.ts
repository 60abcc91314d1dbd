import type { Ifname } from './ifname.ts';

export type NftFamily = 'inet' | 'arp' | 'bridge' | 'netdev';
export const NFT_FAMILIES: readonly NftFamily[] = ['inet', 'arp', 'bridge', 'netdev'];

export interface NftTable {
  readonly kind: 'nft-table';
  readonly family: NftFamily;
}

/** A set, or a map when the type has a colon: `ifname . ipv4_addr`, `devgroup : mark`. */
export interface NftSet {
  readonly kind: 'nft-set';
  readonly family: NftFamily;
  readonly set: string;
  readonly type: string;
  /** Its keys may be ranges. */
  readonly interval?: true;
}

/**
 * A chain with all its rules, replaced as a whole. nft prints a rule differently from version to version, so each
 * rule carries a comment that ends in the digest of its text, and the comments are what is compared.
 */
export interface NftChain {
  readonly kind: 'nft-chain';
  readonly family: NftFamily;
  readonly chain: string;
  /** Absent for a chain that is only jumped to. */
  readonly hook?: NftHook;
  readonly rules: readonly NftRule[];
}

export interface NftHook {
  readonly name: string;
  readonly priority: number;
  readonly policy: 'accept' | 'drop';
  /** Of netdev, the link whose frames it sees; nft 1.0.6 does not say it when it prints JSON. */
  readonly device?: Ifname;
}

export interface NftRule {
  /** nft syntax; empty where the rule was read back, since only the comment is compared. */
  readonly text: string;
  readonly comment: string;
  /** How often its counter has counted, where it was read and has one. */
  readonly packets?: number;
}

/** One element of a set or map of ours; in a map the key decides and the value may change. */
export interface NftElement {
  readonly kind: 'nft-element';
  readonly family: NftFamily;
  readonly set: string;
  readonly key: readonly string[];
  readonly value?: string;
}

/** The name of every nft table of ours; nothing outside it is ever read for a decision, or written. */
export const NFT_TABLE = 'vmnet';
