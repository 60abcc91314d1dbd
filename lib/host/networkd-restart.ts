import { statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { HOST_PROTOCOL } from '../core/model/identity.ts';
import type { Reporter } from '../run/ports.ts';
import { linkState, networkFile, read, systemctl } from './networkd-state.ts';
import { forgetTwins, twinsOf } from './route-twins.ts';
import { outputOf } from './vrf-world.ts';

const SETTLE_MS = 20_000;

/** Until the ports have again what they had: after its start, networkd asks for leases anew. */
export async function restartNetworkd(report: Reporter, touched: readonly string[]): Promise<void> {
  // Its files about links go when it ends.
  const ports = touched.filter(port => networkFile(linkState(port)) !== undefined);
  const had = await Promise.all(ports.map(whatHas));
  const begun = Date.now();
  if ((await systemctl('restart', 'systemd-networkd.service')) !== 0) {
    report('warn', 'systemd-networkd does not start again: look with journalctl -u systemd-networkd');
    return;
  }
  for (const [index, port] of ports.entries()) {
    let lacking = await lackingOf(port, had[index] ?? [], begun);
    for (
      ;
      lacking.length > 0 && Date.now() - begun < SETTLE_MS;
      lacking = await lackingOf(port, had[index] ?? [], begun)
    )
      await sleep(100);
    if (lacking.length > 0)
      report('warn', `since systemd-networkd has been started anew, ${port} lacks ${lacking.join(', ')}`);
    await forgetTwins(port);
  }
}

/** What a port had and has not got back, in words. */
async function lackingOf(port: string, had: readonly string[], begun: number): Promise<readonly string[]> {
  const state = linkState(port);
  const { mtimeMs = 0 } = statSync(state, { throwIfNoEntry: false }) ?? {};
  const isReady = mtimeMs >= begun && /^ADMIN_STATE=configured$/m.test(read(state));
  const now = new Set(await whatHas(port));
  const twins = await twinsOf(port);
  return [
    ...(isReady ? [] : ['its configuration']),
    ...had.filter(one => !now.has(one)),
    ...(twins.every(({ came }) => came) ? [] : ['the default route of an advertisement']),
  ];
}

/** Addresses that are good, and whether there are default routes; those of vmnet's own are not networkd's to bring back. */
async function whatHas(port: string): Promise<readonly string[]> {
  const ask = (...words: readonly string[]) => outputOf('ip', words).catch(() => '');
  const defaults = ['route', 'show', 'default', 'table', 'all', 'dev', port];
  const [addresses, ...families] = await Promise.all([
    ask('-o', 'address', 'show', 'dev', port, '-tentative'),
    ...['-4', '-6'].map(family => ask('-N', '-o', family, ...defaults)),
  ]);
  const found = [...(addresses ?? '').matchAll(/ inet6? (\S+)/g)].map(([, address = '']) => address);
  const isTheirs = (route: string) => route !== '' && !` ${route} `.includes(` proto ${HOST_PROTOCOL} `);
  const had = families.map(routes => routes.split('\n').some(isTheirs));
  return [...found, ...['its IPv4 default', 'its IPv6 default'].filter((_, index) => had[index])];
}
