import { byKey, type KernelObject } from '../core/model/object.ts';
import { bulkQuery } from '../core/observed/node-query.ts';
import { nicsOwn } from '../core/observed/owner.ts';
import {
  type NftQuery,
  type Observed,
  type Query,
  queryOf,
  type RouteQuery,
} from '../core/observed/query.ts';
import type { Plan } from '../core/plan/plan.ts';
import { type Goal, goalObjects, MANY } from './goal.ts';

/** What to read after a change, and how that and what was known before make the kernel as it is now. */
export interface Reread {
  readonly query: Query;
  readonly complete: (after: Observed) => Observed;
}

/**
 * Of a change that only concerned NICs' own, nothing of what they share need be read again: that is what takes long
 * where there are a thousand.
 */
export function rereadAfter(goal: Goal, query: Query, before: Observed, plan: Plan): Reread {
  const whole: Reread = { query, complete: after => after };
  if (goal.scope !== 'nics') return whole;
  const taps = goal.changes.map(change => change.tap);
  const steps = plan.steps.map(step => step.object);
  const own = nicsOwn(taps, [...before.objects, ...steps]);
  if (!steps.every(own)) return whole;
  const objects = [...goalObjects(goal, before), ...before.objects, ...steps].filter(own);
  const shared = before.objects.filter(object => !own(object));
  const { elementsOf } = query;
  const theirs = queryOf(objects, { taps, carriers: [] });
  // Each question goes through all routes: where nobody else has their prefixes, those of their taps tell all.
  const routes = theirs.routes.filter(route => route.dev !== undefined || shared.some(isTo(route)));
  const narrow = { ...theirs, routes };
  return {
    query: {
      ...(taps.length > MANY ? bulkQuery(narrow) : narrow),
      rules: false,
      nft: nftQueriesOf(objects),
      ...(elementsOf === undefined ? {} : { elementsOf }),
    },
    complete: after => ({
      ...before,
      ...after,
      objects: [...byKey([...shared, ...after.objects]).values()],
      links: new Map([...before.links, ...after.links]),
    }),
  };
}

function isTo({ table, prefix }: RouteQuery): (object: KernelObject) => boolean {
  return object => object.kind === 'route' && object.table === table && object.prefix.text === prefix?.text;
}

/** Their chains, and the tables where they are elements of sets. */
function nftQueriesOf(objects: readonly KernelObject[]): readonly NftQuery[] {
  const chains = objects.flatMap(object =>
    object.kind === 'nft-chain' ? [{ family: object.family, chain: object.chain }] : [],
  );
  const families = new Set(objects.flatMap(object => (object.kind === 'nft-element' ? [object.family] : [])));
  const names = new Map(chains.map(query => [`${query.family} ${query.chain}`, query]));
  return [
    ...[...families].map(family => ({ family })),
    ...[...names.values()].filter(({ family }) => !families.has(family)),
  ];
}
