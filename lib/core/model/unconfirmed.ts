/** A change that may have cut off whoever made it, and what undoes it unless somebody confirms it. */
export interface Unconfirmed {
  readonly version: 1;
  readonly id: string;
  /**
   * `armed`: the dead man waits. `undoing`: he is at it, or has died at it. `undone`: nobody confirmed; the
   * configuration still asks for the change, so that a boot would make it again.
   */
  readonly state: 'armed' | 'undoing' | 'undone';
  /** ISO 8601, UTC: when nobody can confirm any more. */
  readonly until: string;
  /** What undoes it: words for vmnet's own command line. */
  readonly rollback: readonly string[];
  /** The boot of the kernel that it was made in, and the hundredths of seconds since that boot at which it was armed. */
  readonly boot: string;
  readonly uptime: number;
  /** SSH_CONNECTION of who made it; none at a console. */
  readonly connection?: string;
  /** The process that makes the change; with when it began, in the same hundredths, since a pid may be another's later. */
  readonly author: number;
  readonly authorSince: number;
  /** The timer of systemd's that waits, or the process. */
  readonly unit?: string;
  readonly pid?: number;
}

/** Who is at the keyboard: by which SSH connection, and since when, in hundredths of seconds since the boot. */
export interface Session {
  readonly connection?: string;
  readonly since: number;
}
