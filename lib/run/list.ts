import { wordsOf } from '../core/desired/nft-text.ts';
import type { VmnetError } from '../core/errors.ts';
import type { Address } from '../core/model/address.ts';
import { chainOf } from '../core/model/chain-name.ts';
import type { Ifname } from '../core/model/ifname.ts';
import type { KernelObject } from '../core/model/object.ts';
import type { NicRecord } from '../core/model/record.ts';
import type { Step } from '../core/plan/plan.ts';
import { pick } from '../core/source/pick.ts';
import { goalOf } from './attach.ts';
import { changesOf, recordedNic } from './check.ts';
import { prepare } from './converge.ts';
import { inScope } from './goal.ts';
import { isAlive } from './living.ts';
import type { Context } from './ports.ts';
import { nicOfRecord } from './recorded.ts';

export interface ListedNic {
  readonly record: NicRecord;
  readonly addresses: readonly Address[];
  readonly alive: boolean;
}

function listed(context: Context, record: NicRecord): ListedNic {
  const { addresses } = nicOfRecord(record);
  return { record, addresses, alive: isAlive(context, record) };
}

/** Every recorded NIC of this node; asks the kernel only whether the taps are there. */
export function list(context: Context): {
  readonly nics: readonly ListedNic[];
  readonly broken: readonly VmnetError[];
} {
  const { records, broken } = context.host.records.list();
  return { nics: records.map(record => listed(context, record)), broken };
}

export interface ShownNic extends ListedNic {
  /** What the kernel has for this NIC and its network, as it is now. */
  readonly objects: readonly KernelObject[];
  readonly drift: readonly Step[];
  /** What the filter of the tap has dropped since it was made, by what it was. */
  readonly dropped: readonly Dropped[];
  /** Why the configuration does not give this NIC any more; what is shown is what the record says of it. */
  readonly error?: VmnetError;
}

export interface Dropped {
  readonly what: string;
  readonly packets: number;
}

/** One NIC with all its kernel objects. */
export async function show(context: Context, tap: Ifname): Promise<ShownNic> {
  const record = recordedNic(context, tap);
  const shown = listed(context, record);
  const { changes, outdated, errors } = await changesOf(context, [record]);
  const [change = { tap, record }] = [...changes, ...outdated];
  const goal = goalOf(context, [change]);
  const { before, plan } = await prepare(context, goal);
  const objects = inScope(goal, before);
  const [error] = errors;
  return {
    ...shown,
    objects,
    drift: plan.steps,
    dropped: droppedBy(tap, objects),
    ...pick({ error }),
  };
}

function droppedBy(tap: Ifname, objects: readonly KernelObject[]): readonly Dropped[] {
  const rules = objects.flatMap(object =>
    object.kind === 'nft-chain' && object.chain === chainOf(tap) ? object.rules : [],
  );
  const counted = rules.filter(({ packets }) => packets !== undefined);
  return [...Map.groupBy(counted, ({ comment }) => wordsOf(comment))].map(([what, same]) => ({
    what,
    packets: same.reduce((sum, { packets = 0 }) => sum + packets, 0),
  }));
}
