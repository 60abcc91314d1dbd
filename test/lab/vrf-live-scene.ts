// A host with a management port and a second one, and a client behind the management gateway that has sessions to it.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  argvInside,
  type CommandResult,
  inside,
  ip,
  ipBatch,
  missingForNamespaces,
  must,
  PATH,
  type Place,
  writeSysctl,
} from '../support/command.ts';
import { missingModule } from '../support/modules.ts';

const VMNET = join(import.meta.dirname, '../../dist/vmnet.cjs');
export const skip = missingForNamespaces() ?? missingModule('vrf');
const prefix = `vl${process.pid}`;
export const host: Place = { ns: `${prefix}-host` };
export const gateway: Place = { ns: `${prefix}-gw` };
export const client: Place = { ns: `${prefix}-net` };
export const directory = mkdtempSync(join(tmpdir(), 'vrf-live-'));
export const running: ReturnType<typeof spawn>[] = [];

export const HOST = ['10.0.0.2', '2001:db8::2'] as const;
export const GATEWAY = ['10.0.0.1', '2001:db8::1'] as const;
export const CLIENT = ['203.0.113.2', '2001:db8:ffff::2'] as const;
export const OLD = `${CLIENT[0]} 50000 ${HOST[0]} 22`;
export const NEW = `${CLIENT[0]} 50001 ${HOST[0]} 22`;
const PORT = '2222';

/** Everything that a management port has in the field: other routes, a metric, a source, what was given for a time. */
const HOST_LINES = [
  'link set lo up',
  'link set eth0 up',
  'link set eth1 up',
  'address add 10.0.0.2/24 dev eth0',
  'address add 2001:db8::2/64 dev eth0',
  'address add 2001:db8:0:1::2/64 dev eth0 valid_lft 3600 preferred_lft 1800',
  'address add 10.8.0.2/24 dev eth1',
  'address add 2001:db8:8::2/64 dev eth1',
  'route add default via 10.0.0.1 dev eth0 src 10.0.0.2 mtu 1400',
  'route add default via 2001:db8::1 dev eth0 metric 100',
  'route add default via 2001:db8::1 dev eth0 metric 512 proto 9 expires 1800',
  'route add 10.9.0.0/16 via 10.0.0.1 dev eth0 metric 50 proto dhcp',
  'route add 10.99.0.0/16 via 10.99.0.1 dev eth0 onlink',
  'route add default via 10.8.0.1 dev eth1 metric 500',
  'route add default via 2001:db8:8::1 dev eth1 metric 2000',
];

/** Builds it before the tests of a file, and takes it down after them. */
export function inLiveScene(): void {
  before(async () => {
    if (skip !== false) return;
    for (const place of [host, gateway, client]) {
      await must(['ip', 'netns', 'add', place.ns]);
      await writeSysctl(place, '0', 'net/ipv6/conf/all/accept_dad', 'net/ipv6/conf/default/accept_dad');
    }
    await writeSysctl(gateway, '1', 'net/ipv4/ip_forward', 'net/ipv6/conf/all/forwarding');
    await ip(host, 'link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', gateway.ns);
    await ip(host, 'link', 'add', 'eth1', 'type', 'veth', 'peer', 'name', 'eth2', 'netns', gateway.ns);
    await ip(client, 'link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', 'eth1', 'netns', gateway.ns);
    await ipBatch(gateway, [
      ...['lo', 'eth0', 'eth1', 'eth2'].map(link => `link set ${link} up`),
      'address add 10.0.0.1/24 dev eth0',
      'address add 2001:db8::1/64 dev eth0',
      'address add 2001:db8:0:1::1/64 dev eth0',
      'address add 203.0.113.1/24 dev eth1',
      'address add 2001:db8:ffff::1/64 dev eth1',
      'address add 10.8.0.1/24 dev eth2',
      'address add 2001:db8:8::1/64 dev eth2',
    ]);
    await ipBatch(client, [
      'link set lo up',
      'link set eth0 up',
      'address add 203.0.113.2/24 dev eth0',
      'address add 2001:db8:ffff::2/64 dev eth0',
      'route add default via 203.0.113.1',
      'route add default via 2001:db8:ffff::1',
    ]);
    // The kernel makes its own rules with the first VRF, and keeps them.
    await ipBatch(host, ['link add first type vrf table 999', 'link del first', ...HOST_LINES]);
    await writeSysctl(host, '1', 'net/ipv6/conf/eth0/accept_dad');
    await linkLocal();
    startIn(host, perl(ECHO));
    startIn(client, perl(ECHO));
  });
  after(async () => {
    for (const child of running) child.kill();
    for (const { ns } of [host, gateway, client])
      await must(['ip', 'netns', 'del', ns]).catch(() => undefined);
    rmSync(directory, { recursive: true });
  });
}

/** It comes when the carrier does. */
async function linkLocal(): Promise<void> {
  for (let turn = 0; turn < 50; turn += 1) {
    const lines = (await ip(host, '-6', '-o', 'address', 'show', 'scope', 'link')).split('\n');
    if (lines.filter(line => line.includes(' eth') && !line.includes('tentative')).length === 2) return;
    await sleep(100);
  }
  assert.fail('no link-local address');
}

export function startIn(place: Place, argv: readonly string[]): void {
  const [file = '', ...args] = argvInside(place, argv);
  running.push(spawn(file, args, { stdio: 'ignore', env: { PATH } }));
}

export function perl(program: string, ...args: readonly string[]): readonly string[] {
  return ['perl', '-MSocket=:all', '-MTime::HiRes=time,sleep', '-e', program, PORT, ...args];
}

/** A listener that is bound to no device, for both families; as sshd is. */
const ECHO = `
  $SIG{CHLD} = 'IGNORE';
  socket(my $l, AF_INET6, SOCK_STREAM, 0) or die;
  setsockopt($l, IPPROTO_IPV6, IPV6_V6ONLY, 0);
  setsockopt($l, SOL_SOCKET, SO_REUSEADDR, 1);
  bind($l, pack_sockaddr_in6($ARGV[0], IN6ADDR_ANY)) && listen($l, 9) or die;
  while (1) {
    accept(my $s, $l) or next;
    next if fork;
    while (sysread($s, my $line, 99)) { syswrite($s, $line) or exit }
    exit;
  }`;

/** From within the VRF. */
export async function pings(address: string): Promise<boolean> {
  return (await inside(host, ['ping', '-c', '1', '-W', '2', '-I', 'mgmt', address])).exitCode === 0;
}

export function vmnet(ini: string, words: readonly string[], connection = ''): Promise<CommandResult> {
  mkdirSync(join(directory, 'state'), { recursive: true });
  const config = join(directory, 'vmnet.ini');
  writeFileSync(config, ini);
  const env = { VMNET_CONFIG: config, VMNET_STATE_DIR: join(directory, 'state'), SSH_CONNECTION: connection };
  return inside(host, [VMNET, ...words], { env, timeoutMs: 60_000 });
}

export async function succeeds(
  ini: string,
  words: readonly string[],
  connection?: string,
): Promise<CommandResult> {
  const result = await vmnet(ini, words, connection);
  assert.equal(result.exitCode, 0, `${words.join(' ')}: ${result.stderr}`);
  return result;
}

/** All that `ip` says of the host, but for what runs on by itself. */
export async function stateOfHost(): Promise<string> {
  const questions = [
    '-d address show',
    '-4 route show table all',
    '-6 route show table all',
    '-4 rule',
    '-6 rule',
  ];
  const answers = await Promise.all(
    questions.map(question => ip(host, '-j', ...question.split(' ')).then(rowsOf)),
  );
  const sysctls = await inside(host, [
    'sh',
    '-c',
    'cd /proc/sys/net && grep . ipv4/*_l3mdev_accept ipv6/conf/eth0/accept_dad ipv6/conf/all/accept_dad ipv6/conf/eth0/keep_addr_on_down',
  ]);
  return [
    ...questions.flatMap((question, index) => [question, ...(answers[index] ?? [])]),
    sysctls.stdout,
  ].join('\n');
}

function rowsOf(json: string): readonly string[] {
  const rows = JSON.parse(json) as unknown[];
  const text = (row: unknown) =>
    JSON.stringify(row, (key, value) => (/^(expires|.*_life_time)$/.test(key) ? undefined : value));
  return rows.map(text).sort();
}

/** The defaults of a table of one family, by what they are. */
export async function defaultsOf(family: 4 | 6, table: string): Promise<readonly string[]> {
  const text = await ip(host, `-${family}`, '-j', 'route', 'show', 'table', table);
  const rows = JSON.parse(text || '[]') as { dst: string; type?: string; gateway?: string; dev?: string }[];
  return rows
    .filter(({ dst }) => dst === 'default')
    .map(({ type = 'unicast', gateway, dev }) => (type === 'unicast' ? `${gateway} ${dev}` : type));
}
