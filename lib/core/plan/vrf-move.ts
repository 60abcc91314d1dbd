import type { Ifname } from '../model/ifname.ts';
import { byKey, type KernelObject, keyOf, type Sysctl } from '../model/object.ts';
import { isLost } from '../observed/host-scope.ts';
import type { Observed } from '../observed/query.ts';
import type { Step } from './plan.ts';

/**
 * The links that join a VRF or leave one, when all is as it is `wanted` and the links `going` are away. The kernel sets
 * them down and up for that: their routes go from every table, and of IPv6 the addresses that have a lifetime.
 */
export function movingPorts(
  wanted: readonly KernelObject[],
  { links }: Observed,
  going: ReadonlySet<string>,
): ReadonlySet<Ifname> {
  const vrfs = new Set<string | undefined>(
    wanted.flatMap(object => (object.kind === 'link' && object.type === 'vrf' ? [object.ifname] : [])),
  );
  for (const { ifname, type } of links.values()) if (type === 'vrf') vrfs.add(ifname);
  const masters = new Map(
    wanted.flatMap(object =>
      object.kind === 'link-setting' && object.setting === 'master' ? [[object.ifname, object.value]] : [],
    ),
  );
  return new Set(
    [...links.values()].flatMap(({ ifname, master = 'none' }) => {
      const left = going.has(master) ? 'none' : master;
      const next = masters.get(ifname) ?? left;
      return (next !== master || going.has(master)) && (vrfs.has(next) || vrfs.has(master)) ? [ifname] : [];
    }),
  );
}

/** Of some objects, the VRFs. */
export function namesOfVrfs(objects: readonly KernelObject[]): ReadonlySet<string> {
  return new Set(
    objects.flatMap(object => (object.kind === 'link' && object.type === 'vrf' ? [object.ifname] : [])),
  );
}

/** What was observed, as it will be when these links have moved. */
export function afterMove(
  objects: readonly KernelObject[],
  moving: ReadonlySet<Ifname>,
): readonly KernelObject[] {
  if (moving.size === 0) return objects;
  const isGone = isLost(moving);
  return objects.filter(
    object =>
      !isGone(object) ||
      (object.kind === 'address' && (object.address.family === 4 || object.dynamic !== true)),
  );
}

/** Sysctls that keep IPv6 as it is while a link moves: its addresses stay, and count at once. */
const CALM = [
  ['keep_addr_on_down', '1'],
  ['accept_dad', '0'],
] as const;

/** Whether a sysctl is one of these: who was interrupted has left it as it was only to be meanwhile. */
export function isCalm({ path }: Sysctl): boolean {
  return CALM.some(([name]) => path.startsWith('net/ipv6/conf/') && path.endsWith(`/${name}`));
}

/** Duplicates are looked for while either the link's or this says so. */
const ALL_DAD = 'net/ipv6/conf/all/accept_dad';

/** What has to be read for `calmed`. */
export function calmPaths(ports: Iterable<string>): readonly string[] {
  const own = [...ports].flatMap(port => CALM.map(([name]) => `net/ipv6/conf/${port}/${name}`));
  return own.length === 0 ? [] : [ALL_DAD, ...own];
}

/** The steps, with these sysctls as they have to be meanwhile. */
export function calmed(
  steps: readonly Step[],
  moving: ReadonlySet<Ifname>,
  { objects }: Observed,
): readonly Step[] {
  if (moving.size === 0) return steps;
  const found = byKey(objects);
  const during = new Map<string, string>([
    [ALL_DAD, '0'],
    ...[...moving].flatMap(port =>
      CALM.map(([name, value]) => [`net/ipv6/conf/${port}/${name}`, value] as const),
    ),
  ]);
  const paths = new Set(steps.map(({ object }) => keyOf(object)));
  const more = [...during].flatMap(([path, value]): Step[] => {
    const was = found.get(`sysctl ${path}`);
    if (was?.kind !== 'sysctl' || was.value === value || paths.has(keyOf(was))) return [];
    return [{ op: 'change', object: { ...was, during: value }, was }];
  });
  return [...more, ...steps.map(step => meanwhile(step, during))];
}

/** What comes in by a VRF must find its socket as long as there is one, or the other end hears that there is none. */
function meanwhile(step: Step, during: ReadonlyMap<string, string>): Step {
  const { object } = step;
  if (step.op !== 'change' || object.kind !== 'sysctl') return step;
  const accepts = object.path.endsWith('_l3mdev_accept') ? '1' : undefined;
  const value = during.get(object.path) ?? accepts;
  return value === undefined ? step : { ...step, object: { ...object, during: value } };
}
