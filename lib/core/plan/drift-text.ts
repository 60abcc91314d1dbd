import { contentOf, keyOf, textOf } from '../model/object.ts';
import type { Step } from './plan.ts';

/** A step that a check found, in the words of somebody who compares: missing, changed, unexpected. */
export function driftText(step: Step): string {
  // Of a chain that should not be there nobody has read the rules.
  const text = step.object.kind === 'nft-chain' ? keyOf(step.object) : textOf(step.object);
  if (step.op === 'add') return `missing ${text}`;
  if (step.op === 'delete') return `unexpected ${text}`;
  if (step.object.kind === 'nft-chain') return `changed ${text}`;
  return `changed ${keyOf(step.object)}: ${contentOf(step.was)}, should be ${contentOf(step.object)}`;
}
