import type { LinkAddress, LinkSetting, Route } from './object.ts';

/** What this kernel has of vmnet's on the host's own side, which nothing in the kernel itself tells. */
export interface HostRecord {
  readonly version: 1;
  /** Index of each link that was made or changed: a link of the same name with another index is another link. */
  readonly links: Readonly<Record<string, number>>;
  /** Keys of the links and addresses that vmnet made. */
  readonly made: readonly string[];
  /** What links that were there before had before the first change. */
  readonly before: readonly Remembered[];
  /** A digest of what the file asked for: of another file's wishes, `vmnet host up` was not told. */
  readonly asked?: string;
  /** ISO 8601, UTC. */
  readonly at: string;
}

/** What a link had that vmnet changed, or that went when it became a port. */
export type Remembered = LinkSetting | LinkAddress | Route;

/** The link that it is of. */
export function nameOf(object: Remembered): string {
  return object.kind === 'route' ? (object.dev ?? '') : object.ifname;
}
