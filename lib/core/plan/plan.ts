import { type Identity, isHostRoute, isOurs } from '../model/identity.ts';
import { byKey, contentOf, type KernelObject, keyOf, textOf } from '../model/object.ts';
import { fitsBridge } from '../model/ovs-bridge.ts';
import { fitsUplink } from '../model/ovs-port.ts';

/** One change of one object. `was` is what the kernel had, where it had something with this key. */
export type Step =
  | { readonly op: 'add'; readonly object: KernelObject }
  | { readonly op: 'change'; readonly object: KernelObject; readonly was: KernelObject }
  | { readonly op: 'delete'; readonly object: KernelObject };

export interface Plan {
  readonly steps: readonly Step[];
}

/**
 * What to do so that the kernel, where it is `observed`, has `desired` and nothing else of ours. Attach, detach, undo,
 * repair and gc are all this subtraction; they differ in what they desire, and in what of the kernel they look at.
 */
export function plan(
  observed: readonly KernelObject[],
  desired: readonly KernelObject[],
  identity: Identity,
): Plan {
  const wanted = byKey(desired);
  const found = byKey(observed);
  const steps: Step[] = [];
  for (const [key, object] of wanted) {
    const was = found.get(key);
    if (was === undefined) steps.push({ op: 'add', object });
    else if (!fits(object, was, identity)) steps.push({ op: 'change', object, was });
  }
  for (const [key, object] of found) {
    if (!wanted.has(key) && isOurs(object, identity)) steps.push({ op: 'delete', object });
  }
  return { steps };
}

/** Objects in vmnet's way that it must not touch: same key, other value, and not made by vmnet. */
export function foreignInTheWay(steps: readonly Step[], identity: Identity): readonly Step[] {
  return steps.filter(
    step => step.op === 'change' && ['route', 'rule'].includes(step.was.kind) && !isOurs(step.was, identity),
  );
}

/**
 * The same value, or as good: a subnet or default route, a rule or a proxy entry that somebody else made and that does
 * the same is left theirs. A VM's own route must carry our protocol, since route daemons announce it by that.
 */
function fits(object: KernelObject, was: KernelObject, identity: Identity): boolean {
  if (contentOf(object) === contentOf(was)) return true;
  if (object.kind === 'ovs-bridge' && was.kind === 'ovs-bridge') return fitsBridge(object, was);
  if (object.kind === 'ovs-port' && object.ofHost && was.kind === 'ovs-port') return fitsUplink(object, was);
  // A route in a VRF's table is vmnet's to change, and not therefore made by it.
  const { tables: _, ...makers } = identity;
  if (isOurs(was, makers) || isHostRoute(object)) return false;
  if (was.kind !== 'route' && was.kind !== 'rule' && was.kind !== 'proxy-neighbour') return false;
  return contentOf({ ...was, protocol: (object as typeof was).protocol }) === contentOf(object);
}

/** `+ route …`, `~ link tap0 mtu 1500 (was 9000)`, `- rule …`. */
export function stepText(step: Step): string {
  if (step.op === 'add') return `+ ${textOf(step.object)}`;
  if (step.op === 'delete') return `- ${textOf(step.object)}`;
  if (step.object.kind === 'nft-chain') return `~ ${textOf(step.object)}`;
  const during = step.object.kind === 'sysctl' ? step.object.during : undefined;
  const meanwhile = during === undefined ? '' : `, meanwhile ${during}`;
  return `~ ${keyOf(step.object)} ${contentOf(step.object)} (was ${contentOf(step.was)}${meanwhile})`;
}
