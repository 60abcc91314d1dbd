import type { Ifname } from './ifname.ts';

const PREFIX = 'from-';

/** The chain that sees what comes from a tap. nft takes neither @ nor + in a name, and no link name has a slash. */
export function chainOf(tap: Ifname): string {
  return `${PREFIX}${tap.replaceAll('@', '/40').replaceAll('+', '/2b')}`;
}

/** The tap of such a chain, and of another chain none. */
export function tapOfChain(chain: string): string | undefined {
  if (!chain.startsWith(PREFIX)) return undefined;
  return chain.slice(PREFIX.length).replaceAll('/40', '@').replaceAll('/2b', '+');
}
