/** The VLANs of a port of a bridge: at most one whose frames the guest sees without a tag, and others with theirs. */
export interface PortVlans {
  readonly untagged?: number;
  readonly tagged: readonly number[];
}

/** From Ganeti's text, which `parseVlan` has checked: `10` and `.10` access, `:10:20` trunk, `.10:20` both. */
export function vlansOf(text: string): PortVlans {
  const native = /^\.?(\d+)/.exec(text)?.[1];
  const untagged = native === undefined ? {} : { untagged: Number(native) };
  const others = [...text.matchAll(/:(\d+)/g)].map(match => Number(match[1]));
  const tagged = [...new Set(others)].filter(id => id !== untagged.untagged).sort((a, b) => a - b);
  return { ...untagged, tagged };
}

export function idsOf({ untagged, tagged }: PortVlans): readonly number[] {
  return untagged === undefined ? tagged : [untagged, ...tagged];
}
