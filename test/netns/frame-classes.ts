// Every class of frame that a VM can send, with what the filter has to say to it.
import { ARP_CLASSES, ETHERNET_CLASSES } from './frame-classes-ethernet.ts';
import { IPV4_CLASSES } from './frame-classes-ipv4.ts';
import { IPV6_CLASSES } from './frame-classes-ipv6.ts';
import { ADVERTISEMENT_CLASSES, ROUTER_CLASSES, SOLICITATION_CLASSES } from './frame-classes-neighbours.ts';
import type { FrameClass, Scene } from './frame-scene.ts';

const FRAME_CLASSES: readonly FrameClass[] = [
  ...ETHERNET_CLASSES,
  ...ARP_CLASSES,
  ...IPV4_CLASSES,
  ...IPV6_CLASSES,
  ...SOLICITATION_CLASSES,
  ...ADVERTISEMENT_CLASSES,
  ...ROUTER_CLASSES,
];

/** A class with its frames; no two frames are alike. */
export interface Volley extends Pick<FrameClass, 'name' | 'verdict'> {
  readonly mark: Buffer;
  readonly frames: readonly Buffer[];
}

export function volleys(scene: Omit<Scene, 'mark'>): readonly Volley[] {
  return FRAME_CLASSES.map(({ name, verdict, frames }, index) => {
    const mark = Buffer.from(`vmnet class ${String(index).padStart(4)}`);
    // Behind what the lengths in the headers speak of, as the padding of short frames is.
    const trailed = frames({ ...scene, mark }).map((frame, i) =>
      Buffer.concat([frame, Buffer.from([i]), mark]),
    );
    return { name, verdict, mark, frames: trailed };
  });
}

/** The classes of which a frame did not go where it should. */
export function misjudged(
  all: readonly Volley[],
  holds: (volley: Volley, frame: Buffer) => boolean,
): readonly string[] {
  return all
    .filter(volley => !volley.frames.every(frame => holds(volley, frame)))
    .map(({ name, verdict }) => `${verdict}: ${name}`);
}
