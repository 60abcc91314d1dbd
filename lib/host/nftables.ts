import type { Line } from '../core/plan/render.ts';
import { run, start, toolError, type Waiting } from './exec.ts';

/** `nft` waiting for one transaction. */
export function startNft(): Waiting {
  return start('nft', ['-f', '-']);
}

/** One transaction: all of it or nothing. */
export async function nftTransaction(lines: readonly Line[], nft = startNft()): Promise<void> {
  const exit = await nft.finish(`${lines.map(line => line.text).join('\n')}\n`);
  if (exit.code !== 0) throw toolError('nft', exit, lines[failedLine(exit.stderr) - 1]?.text ?? 'nft -f');
}

/**
 * The ruleset as JSON text. nft 1.0.6 cannot list two tables of different families in one go, so it lists all, and ours
 * are picked from it. -n, since link groups may have names.
 */
export async function nftList(): Promise<string> {
  const exit = await run('nft', ['-n', '-j', 'list', 'ruleset']);
  if (exit.code !== 0) throw toolError('nft', exit, 'list ruleset');
  return exit.stdout;
}

function failedLine(stderr: string): number {
  return Number(/^\S+?:(\d+):\d+/m.exec(stderr)?.[1] ?? 0);
}
