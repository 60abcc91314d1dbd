import { hostObjects, namesOf } from '../core/desired/host.ts';
import { asVmnetError, VmnetError } from '../core/errors.ts';
import type { HostSections } from '../core/model/host-links.ts';
import type { HostRecord } from '../core/model/host-record.ts';
import type { HostSnapshot } from '../core/model/host-snapshot.ts';
import type { Ifname } from '../core/model/ifname.ts';
import { isMade } from '../core/observed/host-scope.ts';
import type { Observed } from '../core/observed/query.ts';
import { type Plan, type Step, stepText } from '../core/plan/plan.ts';
import { anewOf, fixedDifferences, inUse } from '../core/plan/recreate.ts';
import { type Connection, cuttingStep } from '../core/verify/connection.ts';
import { checkFixed, checkHostLinks, checkUsers } from '../core/verify/host.ts';
import { explained } from '../core/verify/host-errors.ts';
import { checkVrfs } from '../core/verify/vrf.ts';
import { apply, type Prepared, prepare, refuseForeign } from './converge.ts';
import type { HostGoal } from './host-goal.ts';
import { hostRecordOf, undoneRecord } from './host-record.ts';
import { hostSnapshotOf } from './host-snapshot.ts';
import type { Context } from './ports.ts';
import { partWithoutVrf, partWithVrf, recordWithout } from './vrf-part.ts';

export interface HostOptions {
  readonly dryRun: boolean;
  /** Links may be made anew. */
  readonly recreate: boolean;
  /** The connection that must not be cut; none where nobody would be cut off. */
  readonly connection?: Connection;
  readonly guard?: Guard;
  /** Only this VRF and its ports; of all else, what stands is left as it is. */
  readonly vrf?: Ifname;
  /** Sessions that are open survive that their link joins a VRF. */
  readonly live?: true;
}

/** Stands around what changes the kernel; without a snapshot nothing changes there. */
export type Guard = (snapshot: HostSnapshot | undefined, work: () => Promise<void>) => Promise<void>;

export interface HostOutcome {
  readonly plan: Plan;
  /** What the administrator should know. */
  readonly warnings: readonly string[];
  /** So long the links were on their way, in ms; none where nothing was changed. */
  readonly tookMs?: number;
}

/** Makes the host's own links as the file has them; what stands and fits is not touched. */
export async function hostUp(context: Context, options: HostOptions): Promise<HostOutcome> {
  return locked(context, options, async () => {
    const record = context.host.hostRecord.read();
    const { recreate, live, vrf } = options;
    const part = vrf === undefined ? { sections: context.config } : partWithVrf(context.config, vrf, record);
    const { sections } = part;
    const how = { recreate, record, ...part, ...(live === undefined ? {} : { live }) };
    const prepared = await prepareHost(context, how);
    const { before, plan } = prepared;
    checkVrfs(sections, before, context.rtTables);
    checkHostLinks(sections, before, isMade(record, before));
    const wanted = hostObjects(sections, before);
    if (!options.recreate) checkFixed(sections, inUse(fixedDifferences(wanted, before), before));
    refuseForeign(prepared);
    checkUsers(plan.steps, before, knownTo(record, sections));
    refuseCut(prepared, options.connection);
    let tookMs = 0;
    if (!options.dryRun)
      await guarded(prepared, options, async () => {
        tookMs = await carryOut(context, prepared, sections);
      });
    const anew = options.recreate ? [...anewOf(wanted, before)] : [];
    return {
      plan,
      tookMs,
      warnings: anew.map(name => `${name} is made anew: vmnet repair brings back what NICs had on it`),
    };
  });
}

/** Takes away what vmnet made, and gives links that were there before back what they had. */
export async function hostDown(
  context: Context,
  options: Omit<HostOptions, 'recreate'>,
): Promise<HostOutcome> {
  return locked(context, options, async () => {
    const record = context.host.hostRecord.read();
    const part = options.vrf === undefined ? undefined : partWithoutVrf(context.config, options.vrf, record);
    const prepared = await prepareHost(context, { recreate: false, record, ...part });
    checkUsers(prepared.plan.steps, prepared.before, knownTo(record, part?.sections));
    refuseCut(prepared, options.connection);
    let tookMs = 0;
    if (!options.dryRun)
      await guarded(prepared, options, async () => {
        if (record !== undefined) context.host.hostRecord.write(hostRecordOf(context, prepared));
        await applyHost(context, prepared, { sections: context.config, pending: record }, async after => {
          tookMs = after.tookMs ?? 0;
          leave(context, part && recordWithout(hostRecordOf(context, prepared, after), part));
        });
      });
    return { plan: prepared.plan, tookMs, warnings: [] };
  });
}

/** What differs from what the file says. */
export async function hostCheck(context: Context): Promise<readonly Step[]> {
  const record = context.host.hostRecord.read();
  const prepared = await prepareHost(context, { sections: context.config, recreate: false, record });
  checkHostLinks(context.config, prepared.before, isMade(record, prepared.before));
  return prepared.plan.steps;
}

function leave({ host }: Context, record: HostRecord | undefined): void {
  if (record === undefined) host.hostRecord.remove();
  else host.hostRecord.write(record);
}

function knownTo(record: HostRecord | undefined, sections?: HostSections): ReadonlySet<string> {
  return new Set([...(sections === undefined ? [] : namesOf(sections)), ...Object.keys(record?.links ?? {})]);
}

async function prepareHost(
  context: Context,
  { record, ...how }: Omit<HostGoal, 'record'> & { readonly record: HostRecord | undefined },
): Promise<Prepared> {
  return prepare(context, {
    scope: 'host',
    changes: [],
    others: [],
    settings: context.config.settings,
    host: { ...how, ...(record === undefined ? {} : { record }) },
  });
}

async function guarded(
  prepared: Prepared,
  { guard }: { guard?: Guard },
  work: () => Promise<void>,
): Promise<void> {
  if (guard === undefined) return work();
  return guard(prepared.plan.steps.length === 0 ? undefined : hostSnapshotOf(prepared), work);
}

/** Refuses what would end the connection that the command was typed on. */
function refuseCut({ plan, before }: Prepared, connection: Connection | undefined): void {
  if (connection === undefined) return;
  const step = cuttingStep(plan.steps, before, connection);
  if (step === undefined) return;
  throw new VmnetError(
    'request',
    `this may cut the connection from ${connection.client.text}: ${stepText(step)}`,
    {
      where: connection.server.text,
      hint: 'run it with --confirm SECONDS, or from the console',
    },
  );
}

async function locked<T>(
  context: Context,
  { dryRun }: { readonly dryRun: boolean },
  work: () => Promise<T>,
): Promise<T> {
  const lock = dryRun ? undefined : context.host.lock('host', 'exclusive');
  try {
    return await work();
  } finally {
    lock?.release();
  }
}

/** The record goes ahead, with all that may be made: who is interrupted leaves nothing that nobody knows. */
async function carryOut(context: Context, prepared: Prepared, sections: HostSections): Promise<number> {
  const { hostRecord } = context.host;
  const pending = hostRecordOf(context, prepared);
  hostRecord.write(pending);
  let tookMs = 0;
  await applyHost(context, prepared, { sections, pending }, async after => {
    tookMs = after.tookMs ?? 0;
    hostRecord.write(hostRecordOf(context, prepared, after));
  });
  return tookMs;
}

/** `pending` is the record as it is while this goes on. */
async function applyHost(
  context: Context,
  prepared: Prepared,
  { sections, pending }: { sections: HostSections; pending: HostRecord | undefined },
  then: (after: Observed) => Promise<void>,
): Promise<void> {
  try {
    await apply(context, prepared, then);
  } catch (thrown) {
    const left = undoneRecord(context, prepared, pending);
    if (left === undefined) context.host.hostRecord.remove();
    else context.host.hostRecord.write(left);
    throw explained(asVmnetError(thrown), sections);
  }
}
