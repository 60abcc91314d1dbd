/** What of a node's kernel a watch has an ear for: what the recorded NICs lie on, and the host's own links. */
export interface Interest {
  readonly links: ReadonlySet<string>;
  readonly tables: ReadonlySet<number>;
  /** The host's own links, whose routes concern in any table. */
  readonly hostLinks: ReadonlySet<string>;
}

const MAIN = 254;

/**
 * Judges a line of `ip -o -N monitor label link address route rule netconf`. It is a trigger and no more: what has
 * happened is read from the kernel afterwards. A line that is none of these, such as a lost message, concerns always.
 */
export function concernsIp(line: string, { links, tables, hostLinks }: Interest): boolean {
  const [, label, words = ''] = /^\[([A-Z]+)\](?:Deleted )?(.*)$/.exec(line) ?? [];
  if (label === 'LINK' || label === 'ADDR') {
    const name = /^\d+: ([^\s@:]+)/.exec(words)?.[1];
    return name === undefined || links.has(name) || hostLinks.has(name);
  }
  if (label === 'NETCONF') {
    const name = words.split(' ')[1];
    return name === undefined || name === 'all' || links.has(name) || hostLinks.has(name);
  }
  if (label === 'ROUTE') {
    const dev = / dev (\S+)/.exec(words)?.[1] ?? '';
    return hostLinks.has(dev) || tables.has(Number(/ table (\d+)/.exec(words)?.[1] ?? MAIN));
  }
  return true;
}

/** Judges a line of `nft monitor`: what is done to a table of ours, and what may have been lost. */
export function concernsNft(line: string): boolean {
  if (line.startsWith('# new generation')) return false;
  if (line.startsWith('#')) return true;
  return /^\w+ \w+ (?:netdev|inet|bridge|arp) vmnet(?:\s|$)/.test(line);
}

/** Who has made the last change, of a line `# new generation 4 by process 20337 (nft)`. */
export function authorOfNft(line: string): string | undefined {
  return /^# new generation \d+ by (process \d+ \(.*\))$/.exec(line)?.[1];
}

/** The link of a line of `ip monitor`, and whether it carries frames; `moved` when its frames now leave by another port. */
export function carrierOf(
  line: string,
): { readonly ifname: string; readonly up: boolean; readonly moved: boolean } | undefined {
  const [, ifname = '', flags = ''] = /^\[LINK\]\d+: ([^\s@:]+)[^<]*<([^>]*)>/.exec(line) ?? [];
  if (ifname === '') return undefined;
  const words = flags.split(',');
  const up = words.includes('LOWER_UP') && !words.includes('NO-CARRIER');
  return { ifname, up, moved: / event (?:BONDING FAILOVER|NOTIFY PEERS)/.test(line) };
}
