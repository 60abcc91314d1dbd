// Who is who when a VM sends a frame, and how a class of frames is written down.
import type { Ends } from './frame-bytes.ts';

export interface Party {
  readonly mac: string;
  readonly ip: string;
  readonly ip6: string;
  readonly linkLocal: string;
}

export interface Scene {
  /** The NIC under test. */
  readonly own: Party;
  /** Another VM of the same network. */
  readonly other: Party;
  readonly gateway: Party;
  /** Where unicast goes: the other VM over the bridge, or the outside by way of the gateway's MAC. */
  readonly to: Pick<Party, 'mac' | 'ip' | 'ip6'>;
  /** 16 bytes that no other class carries. */
  readonly mark: Buffer;
}

/** `cross`: what must pass, and is forwarded by a router too. */
export type Verdict = 'pass' | 'cross' | 'drop';

export interface FrameClass {
  readonly name: string;
  readonly verdict: Verdict;
  readonly frames: (scene: Scene) => readonly Buffer[];
}

type Frames = (scene: Scene) => Buffer | readonly Buffer[];

export function pass(name: string, frames: Frames): FrameClass {
  return frameClass(name, 'pass', frames);
}

export function cross(name: string, frames: Frames): FrameClass {
  return frameClass(name, 'cross', frames);
}

export function drop(name: string, frames: Frames): FrameClass {
  return frameClass(name, 'drop', frames);
}

function frameClass(name: string, verdict: Verdict, frames: Frames): FrameClass {
  return { name, verdict, frames: scene => [frames(scene)].flat() };
}

/** A MAC that nobody has. */
export const STRANGER = '02:00:5e:00:53:99';

/** From the NIC's own addresses to the unicast destination; or from and to what `change` says. */
export function ends4({ own, to }: Scene, change: Partial<Ends> = {}): Ends {
  return toGroup({ from: own.ip, to: to.ip, fromMac: own.mac, toMac: to.mac }, change);
}

export function ends6({ own, to }: Scene, change: Partial<Ends> = {}): Ends {
  return toGroup({ from: own.ip6, to: to.ip6, fromMac: own.mac, toMac: to.mac }, change);
}

/** From the NIC's link-local address to a group. */
export function local({ own }: Scene, to: string): Ends {
  return { from: own.linkLocal, to, fromMac: own.mac };
}

/** A changed destination is a group, unless its MAC is named too. */
function toGroup(ends: Ends, change: Partial<Ends>): Ends {
  const { toMac, ...others } = ends;
  return change.to === undefined ? { ...ends, ...change } : { ...others, ...change };
}
