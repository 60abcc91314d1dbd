import { formatError, VmnetError } from '../core/errors.ts';
import { isHostRoute, VMNET_PROTOCOL } from '../core/model/identity.ts';
import type { Ifname } from '../core/model/ifname.ts';
import type { KernelObject } from '../core/model/object.ts';
import type { NicRecord } from '../core/model/record.ts';
import type { Plan, Step } from '../core/plan/plan.ts';
import { type Prepared, prepare, remove } from './converge.ts';
import type { Change } from './goal.ts';
import { isAlive, livingTapOf, removeRecords, tapOf } from './living.ts';
import type { Context } from './ports.ts';
import { nicOfRecord } from './recorded.ts';

/** What gc removed: objects of the kernel, and the records of taps that are gone. */
export interface Collected {
  readonly plan: Plan;
  readonly taps: readonly Ifname[];
  /** Files of taps that are gone and that cannot be removed: all else is. They are reported as well. */
  readonly errors: readonly VmnetError[];
}

/**
 * Removes what no living NIC needs: desired is the union of all live owners, and of the difference only what is too
 * much is carried out. `rest` is a tap that counts as no owner and is put to rest.
 */
export async function gc(context: Context, options: { dryRun: boolean; rest?: Ifname }): Promise<Collected> {
  const lock = options.dryRun ? undefined : context.host.lock('host', 'exclusive');
  try {
    const { records, broken } = context.host.records.list();
    refuseUnknown(
      context,
      broken.filter(error => tapOf(error) !== options.rest),
    );
    const living = records.filter(
      record => isAlive(context, record) && record.request.ifname !== options.rest,
    );
    const owners: Change[] = living.map(record => ({
      tap: record.request.ifname,
      nic: nicOfRecord(record),
      record,
    }));
    const rested = options.rest === undefined ? [] : [{ tap: options.rest }];
    const dead = records.filter(record => !living.includes(record) && isUnmarked(record));
    const changes: Change[] = [
      ...owners,
      ...rested,
      ...dead.map(record => ({ tap: record.request.ifname, record })),
    ];
    const prepared = await prepare(context, {
      scope: 'node',
      changes,
      others: [],
      settings: context.config.settings,
    });
    const rest = prepared.before.objects.some(object => marks(object, options.rest))
      ? options.rest
      : undefined;
    const plan = { steps: prepared.plan.steps.filter(step => isTooMuch(step, rest)) };
    const gone = [
      ...records.filter(record => !living.includes(record)).map(record => record.request.ifname),
      ...broken.flatMap(error => tapOf(error) ?? []),
    ];
    const errors = options.dryRun ? [] : await sweep(context, { ...prepared, plan }, gone);
    return { plan, taps: gone.filter(tap => !errors.some(error => tapOf(error) === tap)), errors };
  } finally {
    lock?.release();
  }
}

/** Whether the kernel still shows that this link was a tap of ours: any other name may be the host's own uplink. */
function marks(object: KernelObject, tap: Ifname | undefined): boolean {
  if (object.kind === 'nft-element') return object.set === 'taps' && object.key[0] === tap;
  return (
    object.kind === 'route' && object.dev === tap && object.protocol === VMNET_PROTOCOL && isHostRoute(object)
  );
}

/** A VLAN of an uplink carries no mark: only the record tells who it was for. */
function isUnmarked(record: NicRecord): boolean {
  return record.bridged?.vlanUplinks !== undefined || record.was?.vlanUplinks !== undefined;
}

/** What a living NIC has would look like nobody's: without its record nothing tells what it needs. */
function refuseUnknown(context: Context, broken: readonly VmnetError[]): void {
  for (const error of broken) {
    const tap = livingTapOf(context, error);
    if (tap === undefined) continue;
    throw new VmnetError('record', error.message, {
      ...(error.where === undefined ? {} : { where: error.where }),
      hint: `attach ${tap} again, which writes it anew, or remove the file if ${tap} is no NIC`,
    });
  }
}

function isTooMuch(step: Step, rest: Ifname | undefined): boolean {
  return step.op === 'delete' || (step.object.kind === 'link-setting' && step.object.ifname === rest);
}

/** What is missing elsewhere is not gc's to mend, so only its own steps are looked at again. */
async function sweep(
  context: Context,
  prepared: Prepared,
  gone: readonly Ifname[],
): Promise<readonly VmnetError[]> {
  await remove(context, prepared);
  context.host.records.tidy();
  const errors = removeRecords(context, gone);
  for (const error of errors) context.report('error', formatError(error));
  return errors;
}
