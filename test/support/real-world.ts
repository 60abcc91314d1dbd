// The node of world.ts on the real kernel: that of the network namespace in which this process is.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execaSync } from 'execa';
import type { Announcement } from '../../lib/core/announce/frames.ts';
import { createHost, type OpenHost } from '../../lib/host/host.ts';
import { PATH, type Place } from './command.ts';
import { SYSCTLS } from './memory/state.ts';
import { stateOf } from './state.ts';
import { contextOf, type World } from './world.ts';

export interface RealWorld extends World {
  /** Puts the namespace back to how `realWorld` made it, for the next scenario. */
  reset(): void;
  close(): void;
}

const SETUP = [
  ...['up0', 'up1', 'up6', 'port0'].map(name => `link add ${name} type veth peer name ${name}p`),
  'link add br0 type bridge stp_state 0 forward_delay 0 mcast_snooping 0',
  'link set port0 master br0',
  ...['up0', 'up1', 'up6', 'port0', 'br0'].flatMap(name =>
    name === 'br0' ? ['link set br0 up'] : [`link set ${name} up`, `link set ${name}p up`],
  ),
];

/** `place` is the namespace that the process is in already. */
export function realWorld(place: Place): RealWorld {
  const stateDir = mkdtempSync(join(tmpdir(), 'vmnet-scenario-'));
  const announced: Announcement[] = [];
  let host: OpenHost | undefined;
  const close = (): void => {
    host?.close();
    host = undefined;
  };
  setUp();
  return {
    announced,
    // A run of vmnet is a process, whose `ip` remembers the links that it has seen: so each has a host of its own.
    get context() {
      close();
      host = createHost(stateDir);
      return contextOf({ ...host, announce: async batch => void announced.push(...batch) });
    },
    ip: async (line, family = 4) => void tool('ip', [`-${family}`, '-batch', '-'], line),
    nft: async (...lines) => void tool('nft', ['-f', '-'], lines.join('\n')),
    sysctl: async (path, value) => writeFileSync(`/proc/sys/${path}`, value),
    makeTap: async name => void tool('ip', ['tuntap', 'add', 'dev', name, 'mode', 'tap']),
    removeTap: async name => void tool('ip', ['link', 'delete', name]),
    snapshot: async () => snapshot(place),
    reset: () => {
      close();
      announced.length = 0;
      tearDown(stateDir);
      setUp();
    },
    close: () => {
      close();
      rmSync(stateDir, { recursive: true, force: true });
    },
  };
}

function setUp(): void {
  for (const path of ['net/ipv4/conf/default/rp_filter', 'net/ipv4/conf/all/rp_filter']) write(path, '0');
  for (const path of ['default', 'all']) write(`net/ipv6/conf/${path}/accept_dad`, '0');
  write('net/ipv6/conf/all/forwarding', '1');
  for (const family of ['ipv4', 'ipv6']) write(`net/${family}/fwmark_reflect`, '0');
  tool('ip', ['-batch', '-'], SETUP.join('\n'));
}

function tearDown(stateDir: string): void {
  rmSync(join(stateDir, 'nics'), { recursive: true, force: true });
  tool('nft', ['flush', 'ruleset']);
  for (const name of links()) if (name !== 'lo') tool('ip', ['link', 'delete', name], '', true);
  for (const family of ['-4', '-6']) {
    tool('ip', [family, 'rule', 'flush']);
    tool('ip', [family, 'rule', 'add', 'preference', '32766', 'lookup', 'main', 'protocol', 'kernel']);
    if (family === '-4')
      tool('ip', [family, 'rule', 'add', 'preference', '32767', 'lookup', 'default', 'protocol', 'kernel']);
    for (const table of ['77', '993', '994', '1994'])
      tool('ip', [family, 'route', 'flush', 'table', table], '', true);
  }
}

function links(): readonly string[] {
  const found: { readonly ifname: string }[] = JSON.parse(tool('ip', ['-j', 'link', 'show']));
  return found.map(link => link.ifname);
}

async function snapshot(place: Place): Promise<readonly string[]> {
  const state = await stateOf(place);
  const sysctls = SYSCTLS.flatMap(path =>
    path.includes('*') ? links().map(name => path.replace('*', name)) : [path],
  );
  return [
    ...Object.entries(state).flatMap(([kind, lines]) => lines.map((line: string) => `${kind} ${line}`)),
    ...sysctls.map(path => `sysctl ${path} ${readFileSync(`/proc/sys/${path}`, 'utf8').trim()}`),
  ].sort();
}

function write(path: string, value: string): void {
  writeFileSync(`/proc/sys/${path}`, value);
}

function tool(file: string, args: readonly string[], input = '', mayFail = false): string {
  // Who reads no input may have ended before it is written.
  const given = input === '' ? { stdin: 'ignore' as const } : { input: `${input}\n` };
  const options = { ...given, env: { PATH }, timeout: 20_000, reject: !mayFail };
  return execaSync(file, args, options).stdout;
}
