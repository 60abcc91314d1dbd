import type { IpRow } from '../core/observed/ip.ts';
import { outputOf } from './vrf-world.ts';

/** The kernel's as well as systemd-networkd's, for routes of advertisements. */
const RA_METRIC = 1024;

/** What vmnet has brought over with a metric of its own, until the like of it comes; `came`: that is so. */
export async function twinsOf(
  port: string,
): Promise<readonly { readonly words: string[]; readonly came: boolean }[]> {
  const question = ['-6', '-j', 'route', 'show', 'table', 'all', 'dev', port, 'proto', 'ra'];
  const rows = JSON.parse((await outputOf('ip', question).catch(() => '')) || '[]') as IpRow[];
  const wordsOf = ({ table = 'main', dst, gateway }: IpRow) => {
    const via = gateway === undefined ? [] : ['via', String(gateway)];
    return [String(dst), ...via, 'dev', port, 'table', String(table)];
  };
  const made = new Set(rows.filter(({ metric }) => metric === RA_METRIC).map(row => wordsOf(row).join(' ')));
  return rows
    .filter(({ metric }) => metric === RA_METRIC + 1)
    .map(row => ({ words: wordsOf(row), came: made.has(wordsOf(row).join(' ')) }));
}

export async function forgetTwins(port: string): Promise<void> {
  for (const { words } of (await twinsOf(port)).filter(({ came }) => came))
    await outputOf('ip', ['-6', 'route', 'del', ...words, 'metric', String(RA_METRIC + 1)]).catch(() => '');
}
