import { NFT_TABLE, type NftChain, type NftElement, type NftHook, type NftSet } from '../model/nft.ts';
import { hookOf } from '../model/object.ts';
import type { Step } from './plan.ts';
import type { Line } from './render.ts';

/**
 * One nft transaction. Chains come in passes: emptied first, because the kernel keeps a set that a rule looks at, and
 * filled when all are there, because a rule may jump to any of them. A table that goes takes everything in it along,
 * and naming the parts as well would be an error.
 */
export function nftLines(steps: readonly Step[]): Line[] {
  const tables = new Set(
    steps.filter(step => step.op === 'delete' && step.object.kind === 'nft-table').map(tableOf),
  );
  const kept = steps.filter(step => step.object.kind === 'nft-table' || !tables.has(tableOf(step)));
  return [
    ...kept.flatMap(flush),
    ...kept.filter(step => step.object.kind !== 'nft-element').flatMap(declaration),
    ...kept.flatMap(chainRules),
    ...elementLines(kept),
    ...kept.filter(step => step.op === 'delete').flatMap(removal),
  ];
}

function tableOf(step: Step): string {
  return 'family' in step.object ? `${step.object.family} ${NFT_TABLE}` : '';
}

function declaration(step: Step): Line[] {
  const object = step.object;
  if (step.op === 'delete') return [];
  if (object.kind === 'nft-table') return [{ text: `add table ${tableOf(step)}`, steps: [step] }];
  if (object.kind === 'nft-set') {
    // The type of a set cannot be changed in place.
    const old =
      step.op === 'change' ? [{ text: `delete ${setWords(step.was as NftSet)}`, steps: [step] }] : [];
    return [
      ...old,
      {
        text: `add ${setWords(object)} { type ${object.type};${object.interval ? ' flags interval;' : ''} }`,
        steps: [step],
      },
    ];
  }
  if (object.kind !== 'nft-chain') return [];
  const moved = step.op === 'change' && hookOf(object) !== hookOf(step.was as NftChain);
  const hook = object.hook === undefined ? '' : ` { ${hookWords(object.hook)} }`;
  const chain = `chain ${tableOf(step)} ${object.chain}`;
  const old = moved ? [{ text: `delete ${chain}`, steps: [step] }] : [];
  return [...old, { text: `add ${chain}${hook}`, steps: [step] }];
}

function hookWords({ name, device, priority, policy }: NftHook): string {
  const at = device === undefined ? name : `${name} device "${device}"`;
  return `type filter hook ${at} priority ${priority}; policy ${policy};`;
}

function flush(step: Step): Line[] {
  if (step.object.kind !== 'nft-chain' || step.op === 'add') return [];
  return [{ text: `flush chain ${tableOf(step)} ${step.object.chain}`, steps: [step] }];
}

function chainRules(step: Step): Line[] {
  const object = step.object;
  if (object.kind !== 'nft-chain' || step.op === 'delete') return [];
  const chain = `${tableOf(step)} ${object.chain}`;
  return object.rules.map(rule => ({
    text: `add rule ${chain} ${rule.text} comment "${rule.comment}"`,
    steps: [step],
  }));
}

/** All elements of one set on one line: a thousand NICs are a handful of lines. A set that is made anew is empty. */
function elementLines(steps: readonly Step[]): Line[] {
  const elements = steps.filter(step => step.object.kind === 'nft-element');
  const renewed = new Set(
    steps.filter(step => step.op === 'change' && step.object.kind === 'nft-set').map(setOf),
  );
  const leaving = elements.flatMap((step): Step[] => {
    if (renewed.has(setOf(step))) return [];
    if (step.op === 'change') return [{ op: 'delete', object: step.was }];
    return step.op === 'delete' ? [step] : [];
  });
  return [
    ...bySet('delete', leaving),
    ...bySet(
      'add',
      elements.filter(step => step.op !== 'delete'),
    ),
  ];
}

function bySet(verb: 'add' | 'delete', steps: readonly Step[]): Line[] {
  const sets = Map.groupBy(steps, setOf);
  return [...sets].map(([set, members]) => ({
    text: `${verb} element ${set} { ${members.map(step => elementWords(step.object as NftElement)).join(', ')} }`,
    steps: members,
  }));
}

function setOf(step: Step): string {
  return `${tableOf(step)} ${(step.object as NftElement | NftSet).set}`;
}

function removal(step: Step): Line[] {
  const object = step.object;
  if (object.kind === 'nft-table') return [{ text: `delete table ${tableOf(step)}`, steps: [step] }];
  if (object.kind === 'nft-set') return [{ text: `delete ${setWords(object)}`, steps: [step] }];
  if (object.kind !== 'nft-chain') return [];
  const chain = `chain ${tableOf(step)} ${object.chain}`;
  return [{ text: `delete ${chain}`, steps: [step] }];
}

function setWords(set: NftSet): string {
  return `${set.type.includes(' : ') ? 'map' : 'set'} ${set.family} ${NFT_TABLE} ${set.set}`;
}

function elementWords(element: NftElement): string {
  const key = element.key.map(word => (isName(word, element) ? `"${word}"` : word)).join(' . ');
  return element.value === undefined ? key : `${key} : ${element.value}`;
}

/** Link names are strings to nft, link groups are numbers; a set's name begins with what it is keyed by. */
function isName(word: string, element: NftElement): boolean {
  return word === element.key[0] && !element.set.startsWith('group_');
}
