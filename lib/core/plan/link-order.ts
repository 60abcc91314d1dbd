import type { Step } from './plan.ts';

/**
 * The steps about links in an order in which they can be carried out, whoever wants them: what can be joined is made
 * first; then each link has its turn after its parent and its ports, so that a VLAN takes over what its parent has by
 * then. Where no link is made, the order is left as it is.
 */
export function inLinkOrder(steps: readonly Step[]): readonly Step[] {
  if (!steps.some(({ object }) => object.kind === 'link')) return steps;
  const own = Map.groupBy<string, Step>(steps, ({ object }) => ('ifname' in object ? object.ifname : ''));
  const lower = lowerBySteps(steps);
  const order = new Set<string>();
  const visit = (name: string, above: readonly string[]): void => {
    if (order.has(name) || above.includes(name)) return;
    for (const next of lower.get(name) ?? []) visit(next, [...above, name]);
    order.add(name);
  };
  for (const name of own.keys()) visit(name, []);
  const masters = steps.filter(step => isMaster(step));
  const turns = [...order].flatMap(name => (own.get(name) ?? []).filter(step => !isMaster(step)));
  return [...masters, ...turns];
}

/** What each link stands on when all is done, as far as these steps tell. */
function lowerBySteps(steps: readonly Step[]): ReadonlyMap<string, readonly string[]> {
  const pairs = steps.flatMap(({ object }): (readonly [string, string])[] => {
    if (object.kind === 'link' && object.parent !== undefined) return [[object.ifname, object.parent]];
    if (object.kind !== 'link-setting' || object.setting !== 'master') return [];
    return [[object.value, object.ifname]];
  });
  const groups = Map.groupBy(pairs, ([upper]) => upper);
  return new Map([...groups].map(([upper, found]) => [upper, found.map(([, lower]) => lower)]));
}

/** A bond, a bridge, a VRF: it stands on nothing until something joins. */
function isMaster({ object }: Step): boolean {
  return object.kind === 'link' && object.parent === undefined;
}
