import { driftText } from '../core/plan/drift-text.ts';
import type { Plan, Step } from '../core/plan/plan.ts';
import { stepText } from '../core/plan/plan.ts';
import { type Batch, render } from '../core/plan/render.ts';

const COMMANDS: Readonly<Record<Batch['tool'], string>> = {
  sysctl: '# sysctl -w',
  nft: '# nft -f -',
  ip: '# ip -batch -',
  bridge: '# bridge -batch -',
  ip6: '# ip -6 -batch -',
  ovs: '# ovs-vsctl',
};

/** A plan as the commands that would carry it out, in their order; they can be run by hand as they stand. */
export function commandText(plan: Plan): string {
  const blocks = render(plan.steps).map(batch =>
    [COMMANDS[batch.tool], ...batch.lines.map(line => line.text)].join('\n'),
  );
  return blocks.length === 0 ? '# nothing to do' : blocks.join('\n');
}

/** A plan for programs: what changes, and the input of each command. */
export function planJson(plan: Plan): { readonly steps: unknown; readonly batches: unknown } {
  return {
    steps: plan.steps.map(step => ({ op: step.op, kind: step.object.kind, text: stepText(step).slice(2) })),
    batches: render(plan.steps).map(batch => ({
      tool: batch.tool,
      lines: batch.lines.map(line => line.text),
    })),
  };
}

export function driftJson(step: Step): {
  readonly drift: string;
  readonly kind: string;
  readonly text: string;
} {
  const [drift = '', ...words] = driftText(step).split(' ');
  return { drift, kind: step.object.kind, text: words.join(' ') };
}
