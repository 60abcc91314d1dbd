import type { LinkAddress, LinkSetting, Route, Rule, Sysctl } from './object.ts';

/** What this kernel has of vmnet's on the host's own side, which nothing in the kernel itself tells. */
export interface HostRecord {
  readonly version: 1;
  /** Index of each link that was made or changed: a link of the same name with another index is another link. */
  readonly links: Readonly<Record<string, number>>;
  /** Keys of the links, addresses and rules that vmnet made. */
  readonly made: readonly string[];
  /** What links that were there before had before the first change. */
  readonly before: readonly Remembered[];
  /** A digest of what the file asked for: of another file's wishes, `vmnet host up` was not told. */
  readonly asked?: string;
  /** ISO 8601, UTC. */
  readonly at: string;
}

/** What a link had that vmnet changed, or that went when it became a port. */
export type Remembered = LinkSetting | LinkAddress | Route | HostWide;

/** What VRFs change; where it is the whole host's, it goes back with the last of them. */
export type HostWide = Rule | Sysctl;

export function isHostWide(object: Remembered): object is HostWide {
  return object.kind === 'rule' || (object.kind === 'sysctl' && linkOf(object) === undefined);
}

/** The link that a sysctl is of, if it is that of one. */
export function linkOf({ path }: Sysctl): string | undefined {
  const [, link] = /^net\/ipv[46]\/conf\/([^/]+)\//.exec(path) ?? [];
  return link === 'all' || link === 'default' ? undefined : link;
}

/** The link that it is of; empty for what is the whole host's. */
export function nameOf(object: Remembered): string {
  if (object.kind === 'rule') return '';
  if (object.kind === 'sysctl') return linkOf(object) ?? '';
  return object.kind === 'route' ? (object.dev ?? '') : object.ifname;
}
