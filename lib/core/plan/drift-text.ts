import { contentOf, keyOf, textOf } from '../model/object.ts';
import type { Step } from './plan.ts';

/** A step that a check found, in the words of somebody who compares: missing, changed, unexpected. */
export function driftText(step: Step): string {
  if (step.op === 'add') return `missing ${textOf(step.object)}`;
  if (step.op === 'delete') return `unexpected ${textOf(step.object)}`;
  if (step.object.kind === 'nft-chain') return `changed ${keyOf(step.object)}`;
  return `changed ${keyOf(step.object)}: ${contentOf(step.was)}, should be ${contentOf(step.object)}`;
}
