import { policyWarnings } from '../core/desired/policy.ts';
import { defaultRouteQueries, resolveNic } from '../core/desired/resolve.ts';
import { restingSettings } from '../core/desired/resting.ts';
import { formatError, VmnetError } from '../core/errors.ts';
import type { Ifname } from '../core/model/ifname.ts';
import type { Nic } from '../core/model/network.ts';
import { byKey, type KernelObject } from '../core/model/object.ts';
import type { NicRecord } from '../core/model/record.ts';
import type { NicRequest } from '../core/model/request.ts';
import { nicsOwn } from '../core/observed/owner.ts';
import type { Observed } from '../core/observed/query.ts';
import type { Plan } from '../core/plan/plan.ts';
import {
  checkForwarding,
  checkSurroundings,
  checkSwitch,
  checkVlanLinks,
  sysctlsOf,
} from '../core/verify/surroundings.ts';
import { announceNics } from './announce.ts';
import { apply, type Prepared, prepare, refuseForeign, touchesShared, withHostLock } from './converge.ts';
import { aloneIn, type Change, type Goal, isFiltered, leaving } from './goal.ts';
import { collectHolders } from './holders.ts';
import { livingNics, removeRecords } from './living.ts';
import type { Context } from './ports.ts';
import { earlierPort, resolvedOf } from './recorded.ts';
import { refuseTaken } from './taken.ts';

/** What a verb did, or in a dry run would do. */
export interface Outcome {
  readonly tap: Ifname;
  readonly plan: Plan;
  /** Taps that were gone and whose remains went along. */
  readonly collected: readonly Ifname[];
  /** What the administrator should know; no VM's start depends on it. */
  readonly warnings: readonly string[];
}

/**
 * Makes the kernel carry one NIC: resolved, planned, applied, read back, announced, recorded. A failure leaves the
 * kernel and the record as they were.
 */
export async function attach(
  context: Context,
  request: NicRequest,
  options: { dryRun: boolean },
): Promise<Outcome> {
  if (options.dryRun) return outcomeOf(await prepareAttach(context, request));
  const lock = context.host.lock(request.ifname, 'exclusive');
  try {
    return await attachLocked(context, request);
  } finally {
    lock.release();
  }
}

/** The same for who has the lock of the tap. */
export function attachLocked(context: Context, request: NicRequest): Promise<Outcome> {
  return withHostLock(context, async alone => {
    const prepared = await prepareAttach(context, request);
    refuseForeign(prepared);
    refuseTaken(context, prepared);
    // A dead holder's name may be a new tap's by now, whose own attach must not run meanwhile.
    // Nor may two leave a network at once, each to the other.
    const { goal } = prepared;
    if (!alone && (goal.changes.length > 1 || leaving(goal).length > 0 || touchesShared(prepared)))
      return 'needs to be alone';
    return carryOut(context, prepared);
  });
}

async function prepareAttach(context: Context, request: NicRequest): Promise<Prepared> {
  const nic = await resolve(context, request);
  const record = readRecord(context, request.ifname);
  const change: Change = { tap: request.ifname, nic, ...(record === undefined ? {} : { record }) };
  const first = await prepare(context, goalOf(context, [change]));
  checkSurroundings(nic, first.before.links);
  checkSwitch(nic, first.before);
  checkVlanLinks(nic, first.before);
  checkForwarding(nic, sysctlsOf(first.before));
  const dead = collectHolders(context, nic, first.before);
  return dead.length === 0 ? first : prepare(context, goalOf(context, [change, ...dead]));
}

/** Looks up what the request leaves open; asks the kernel only when the configuration names no uplink. */
export async function resolve(context: Context, request: NicRequest): Promise<Nic> {
  const routes = defaultRouteQueries(request, context);
  const found: readonly KernelObject[] =
    routes.length === 0
      ? []
      : (
          await context.host.exchange([], {
            links: [],
            routes,
            proxies: [],
            sysctls: [],
            rules: false,
            nft: [],
            fdb: [],
          })
        ).objects;
  return resolveNic(request, { ...context, routes: found });
}

/** Asks who else needs a network only when a network may go. */
export function goalOf(context: Context, changes: readonly Change[]): Goal {
  const goal: Goal = { scope: 'nics', changes, others: [], settings: context.config.settings };
  const nics = leaving(goal);
  if (nics.length === 0) return goal;
  const taps = changes.map(change => change.tap);
  return { ...goal, others: livingNics(context, taps, nics) };
}

async function carryOut(context: Context, prepared: Prepared): Promise<Outcome> {
  const [change, ...dead] = prepared.goal.changes;
  const nic = change?.nic;
  if (change === undefined || nic === undefined) throw new VmnetError('bug', 'attach without a NIC');
  const records = context.host.records;
  const record = recordOf(context, change, prepared.before);
  records.write({ ...record, ...earlierPort(change.record), state: 'pending' });
  try {
    await apply(context, prepared, async after => {
      await announceNics(context, [nic], after.links);
      records.write(record);
    });
  } catch (thrown) {
    if (change.record === undefined) records.remove(change.tap);
    else records.write(change.record);
    throw thrown;
  }
  // The NIC is up: what is left of another one's record is no reason to say that it is not.
  for (const error of removeRecords(
    context,
    dead.map(gone => gone.tap),
  )) {
    context.report('warn', formatError(error));
  }
  return outcomeOf(prepared);
}

function recordOf(context: Context, { tap, nic, record }: Change, before: Observed): NicRecord {
  if (nic === undefined) throw new VmnetError('bug', 'a record without a NIC');
  const ifindex = before.links.get(tap)?.ifindex ?? 0;
  const request: NicRequest = nic.mode === 'routed' ? nic.request : { ...nic.request, link: nic.bridge };
  return {
    version: 1,
    state: 'applied',
    request,
    ...resolvedOf(nic, context.config.settings),
    ifindex,
    before: settingsOf(tap, before, earlierSettings(tap, before, record)),
    at: context.host.now(),
  };
}

/**
 * A tap of ours whose record is lost is what an attach has made of it: to put that back would leave an open link, so it
 * will be put to rest.
 */
function earlierSettings(
  tap: Ifname,
  before: Observed,
  record: NicRecord | undefined,
): readonly KernelObject[] {
  if (record === undefined) return isFiltered(tap, before) ? restingSettings(tap) : [];
  return record.ifindex === before.links.get(tap)?.ifindex ? record.before : [];
}

/** What an earlier attach has not touched is still what it was before that one; a link that was no port had no port's settings. */
function settingsOf(
  tap: Ifname,
  before: Observed,
  recorded: readonly KernelObject[],
): readonly KernelObject[] {
  const own = nicsOwn([tap], before.objects);
  const now = before.objects.filter(
    object => (object.kind === 'link-setting' || object.kind === 'sysctl') && own(object),
  );
  const earlier = [...byKey([...now, ...recorded]).values()];
  const alone = aloneIn(earlier, before.links);
  return earlier.filter(object => !alone(object));
}

/** A record that cannot be read must not keep a VM from starting: the kernel is what is compared. */
export function readRecord(context: Context, tap: Ifname): NicRecord | undefined {
  try {
    return context.host.records.read(tap);
  } catch (thrown) {
    if (!(thrown instanceof VmnetError) || thrown.exit !== 'record') throw thrown;
    context.report('warn', `${thrown.message}; it is written anew`);
    return undefined;
  }
}

function outcomeOf({ goal, plan }: Prepared): Outcome {
  const [first, ...dead] = goal.changes.map(change => change.tap);
  if (first === undefined) throw new VmnetError('bug', 'a goal without a change');
  const warnings = goal.changes.flatMap(({ nic }) => (nic === undefined ? [] : policyWarnings(nic)));
  return { tap: first, plan, collected: dead, warnings };
}
