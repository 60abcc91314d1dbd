import { withRuleTexts } from '../core/desired/filter.ts';
import { asVmnetError, formatError, VmnetError } from '../core/errors.ts';
import { type KernelObject, keyOf, textOf } from '../core/model/object.ts';
import { nicsOwn } from '../core/observed/owner.ts';
import type { Observed, Query } from '../core/observed/query.ts';
import { planBack } from '../core/plan/back.ts';
import { joined } from '../core/plan/joined.ts';
import { foreignInTheWay, type Plan, plan, type Step, stepText } from '../core/plan/plan.ts';
import { render } from '../core/plan/render.ts';
import { type Goal, goalObjects, goalPlan, goalQuery, identityOfGoal, inScope } from './goal.ts';
import type { Context, Held } from './ports.ts';
import { type Reread, rereadAfter } from './reread.ts';

/** A goal that was looked at: what the kernel was, and what is to be done. */
export interface Prepared {
  readonly goal: Goal;
  readonly query: Query;
  readonly before: Observed;
  readonly plan: Plan;
}

/** Reads the kernel for a goal and subtracts. */
export async function prepare(context: Context, goal: Goal): Promise<Prepared> {
  const query = goalQuery(goal);
  const before = await context.host.exchange([], query);
  return { goal, query, before, plan: goalPlan(goal, before) };
}

/** Refuses what would take something away that others made. */
export function refuseForeign({ goal, plan }: Prepared): void {
  const [step] = foreignInTheWay(plan.steps, identityOfGoal(goal));
  if (step?.op !== 'change') return;
  throw new VmnetError('config', `${textOf(step.was)} is in the way and not vmnet's`, {
    hint: `remove it, or change the configuration so that this is not needed: ${textOf(step.object)}`,
  });
}

/** Makes it so, reads back, and goes on with `then`; what fails is undone before the error goes on. */
export async function apply(
  context: Context,
  prepared: Prepared,
  then: (after: Observed) => Promise<void>,
): Promise<void> {
  try {
    await then(await carryOut(context, prepared));
  } catch (thrown) {
    const left = await undo(context, prepared);
    if (left === undefined) throw thrown;
    const { exit, message, where } = asVmnetError(thrown);
    const hint = `it is not all undone (${left.message}): run vmnet check, then vmnet gc`;
    throw new VmnetError(exit, message, { hint, cause: thrown, ...(where === undefined ? {} : { where }) });
  }
}

/**
 * The same for what is taken away: nothing is put back, and as links and their routes may vanish by themselves
 * meanwhile, a failure is a reason to look again and go on with what is left.
 */
export async function remove(context: Context, prepared: Prepared): Promise<void> {
  try {
    await carryOut(context, prepared);
  } catch (thrown) {
    context.report('debug', `looking again after: ${formatError(asVmnetError(thrown))}`);
    const again = await prepare(context, prepared.goal);
    const meant = new Set(prepared.plan.steps.map(step => keyOf(step.object)));
    const left = again.plan.steps.filter(step => meant.has(keyOf(step.object)));
    await carryOut(context, { ...again, plan: { steps: left } });
  }
}

async function carryOut(context: Context, { goal, query, before, plan }: Prepared): Promise<Observed> {
  if (plan.steps.length === 0) return before;
  for (const step of plan.steps) context.report('debug', stepText(step));
  let reread: Reread | undefined;
  const rereading = (): Reread => (reread ??= rereadAfter(goal, query, before, plan));
  const found = await context.host.exchange(render(plan.steps), () => rereading().query);
  let after = rereading().complete(found);
  if (goal.scope === 'host' || plan.steps.some(isMove)) after = await settle(context, goal, query, after);
  const meant = new Set(plan.steps.map(step => keyOf(step.object)));
  const drift = goalPlan(goal, after).steps.find(
    step => goal.scope !== 'node' || meant.has(keyOf(step.object)),
  );
  if (drift === undefined) return after;
  throw new VmnetError('kernel', `the kernel took the change but does not show it: ${stepText(drift)}`, {
    hint: 'somebody else may be changing the same objects; look with `ip monitor` and `nft monitor`',
  });
}

/** A VRF sets a link that joins or leaves it down and up. */
function isMove({ object }: Step): boolean {
  return object.kind === 'link-setting' && object.setting === 'master';
}

/** As often as others may answer to a change: systemd-networkd puts back what a port had whose carrier comes again. */
const ROUNDS = 5;

/** A link that was set down and up on the way has lost what IPv6 had on it, and its routes; they come back now. */
async function settle(context: Context, goal: Goal, query: Query, after: Observed): Promise<Observed> {
  let now = after;
  for (let round = 1; round <= ROUNDS; round += 1) {
    const { steps } = goalPlan(goal, now);
    if (steps.length === 0) break;
    for (const step of steps) context.report('debug', `again ${stepText(step)}`);
    const { tookMs = 0 } = now;
    const settled = await context.host.exchange(render(steps), query);
    now = { ...settled, tookMs: tookMs + (settled.tookMs ?? 0) };
  }
  return now;
}

/** The same subtraction the other way round: from what there is now to what there was. Returns what went wrong. */
async function undo(context: Context, { goal, query, before }: Prepared): Promise<VmnetError | undefined> {
  try {
    let now = await context.host.exchange([], query);
    const known = goalObjects(goal, before);
    // Again, as the kernel may answer to what is put back: a link whose addr_gen_mode returns gets an address by that.
    for (let round = 1; round <= 3; round += 1) {
      const was = inScope(goal, before).filter(object => canReturn(object, now, goal));
      const back = backPlan(goal, now, was);
      if (back.steps.length === 0) break;
      for (const step of back.steps) context.report('debug', `undo ${stepText(step)}`);
      now = await context.host.exchange(render(back.steps.map(step => inFull(step, known))), query);
    }
    return undefined;
  } catch (thrown) {
    return asVmnetError(thrown);
  }
}

function backPlan(goal: Goal, now: Observed, was: readonly KernelObject[]): Plan {
  const identity = identityOfGoal(goal);
  const found = inScope(goal, now);
  if (goal.host !== undefined) return planBack(found, was, now, identity);
  return plan(joined(found, was, now.links), was, identity);
}

/** Compared as it was read, written with the texts of its rules: a chain that nobody has touched is no step. */
function inFull(step: Step, known: readonly KernelObject[]): Step {
  const [object = step.object] = withRuleTexts([step.object], known);
  return { ...step, object };
}

/**
 * Nothing can be put back on a link that is gone, unless it is put back itself; and nothing makes a bridge adopt MACs
 * again: it keeps the one it had.
 */
function canReturn(object: KernelObject, now: Observed, { host }: Goal): boolean {
  if (object.kind !== 'link-setting') return true;
  if (host !== undefined) return object.value !== 'adopted';
  return now.links.has(object.ifname) && object.setting !== 'own-mac';
}

/** Whether a plan changes what other NICs rely on as well. */
export function touchesShared({ goal, plan, before }: Prepared): boolean {
  const taps = goal.changes.map(change => change.tap);
  const own = nicsOwn(taps, [...before.objects, ...plan.steps.map(step => step.object)]);
  return plan.steps.some(step => !own(step.object));
}

/**
 * Runs `work` beside other NICs' runs, or alone where nobody else is at it. When it finds itself not alone and has to
 * change what others share, it waits and runs again alone: fifty VMs can start at once, and only the first of a network
 * makes the others wait.
 */
export async function withHostLock<T>(
  context: Context,
  work: (alone: boolean) => Promise<T | 'needs to be alone'>,
): Promise<T> {
  const now = tryAlone(context);
  let held: Held = now ?? context.host.lock('host', 'shared');
  try {
    const result = await work(now !== undefined);
    if (result !== 'needs to be alone') return result;
    held.release();
    held = context.host.lock('host', 'exclusive');
    return (await work(true)) as T;
  } finally {
    held.release();
  }
}

function tryAlone(context: Context): Held | undefined {
  try {
    return context.host.lock('host', 'exclusive', 0);
  } catch (thrown) {
    if (thrown instanceof VmnetError && thrown.exit === 'busy') return undefined;
    throw thrown;
  }
}
