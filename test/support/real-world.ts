// The node of world.ts on the real kernel: that of the network namespace in which this process is.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execaSync } from 'execa';
import type { Announcement } from '../../lib/core/announce/frames.ts';
import { createHost, type OpenHost } from '../../lib/host/host.ts';
import { PATH } from './command.ts';
import { SYSCTLS } from './memory/state.ts';
import { contextOf, type World } from './world.ts';

export interface RealWorld extends World {
  /** Puts the namespace back to how `realWorld` made it, for the next scenario. */
  reset(): void;
  /** Where the records are. */
  readonly stateDir: string;
  /** Leaves an empty namespace behind. */
  close(): void;
}

const PORTS = [
  ['up0', '52:54:00:00:00:01'],
  ['up1', '52:54:00:00:00:04'],
  ['up6', '52:54:00:00:00:06'],
  ['port0', '52:54:00:00:00:02'],
] as const;

const SETUP = [
  ...PORTS.map(([name, mac]) => `link add ${name} address ${mac} type veth peer name ${name}p`),
  'link add br0 type bridge stp_state 0 forward_delay 0 mcast_snooping 0',
  'link add br1 address 52:54:00:00:00:05 type bridge stp_state 0 forward_delay 0 mcast_snooping 0',
  'link set br1 up',
  'link set port0 master br0',
  ...['up0', 'up1', 'up6', 'port0', 'br0'].flatMap(name =>
    name === 'br0' ? ['link set br0 up'] : [`link set ${name} up`, `link set ${name}p up`],
  ),
];

interface More {
  /** With br2, where the kernel has VLAN-aware bridges. */
  readonly vlans?: boolean;
  /** With up0 in vrf993, where the kernel has VRFs. */
  readonly vrf?: boolean;
}

export function realWorld(ini?: string, more: More = {}): RealWorld {
  const stateDir = mkdtempSync(join(tmpdir(), 'vmnet-scenario-'));
  const announced: Announcement[] = [];
  let host: OpenHost | undefined;
  const close = (): void => {
    host?.close();
    host = undefined;
  };
  setUp(more);
  return {
    announced,
    // A run of vmnet is a process, whose `ip` remembers the links that it has seen: so each has a host of its own.
    get context() {
      close();
      host = createHost(stateDir);
      return contextOf({ ...host, announce: async batch => void announced.push(...batch) }, ini);
    },
    ip: async (line, family = 4) => batch(family, [line]),
    nft: async (...lines) => void tool('nft', ['-f', '-'], lines.join('\n')),
    ovs: async commands => void tool('ovs-vsctl', ['--timeout=10', '--', ...commands.split(' ')]),
    sysctl: async (path, value) => writeFileSync(`/proc/sys/${path}`, value),
    makeTap: async name => {
      tool('ip', ['tuntap', 'add', 'dev', name, 'mode', 'tap']);
      batch(4, [`link set dev ${name} address 5e:00:00:00:00:0${name.slice(-1)}`]);
    },
    removeTap: async name => void tool('ip', ['link', 'delete', name]),
    snapshot: async () => snapshot(),
    reset: () => {
      close();
      announced.length = 0;
      tearDown(stateDir);
      setUp(more);
    },
    stateDir,
    close: () => {
      close();
      tearDown(stateDir);
      rmSync(stateDir, { recursive: true, force: true });
    },
  };
}

const VLAN_SETUP = [
  'link add trunk0 address 52:54:00:00:00:08 type veth peer name trunk0p',
  'link add br2 type bridge stp_state 0 forward_delay 0 mcast_snooping 0 vlan_filtering 1',
  'link set trunk0 master br2 up',
  'link set br2 up',
  'link set trunk0p up',
];

function setUp({ vlans = false, vrf = false }: More): void {
  for (const path of ['net/ipv4/conf/default/rp_filter', 'net/ipv4/conf/all/rp_filter']) write(path, '0');
  for (const path of ['default', 'all']) write(`net/ipv6/conf/${path}/accept_dad`, '0');
  write('net/ipv6/conf/all/forwarding', '1');
  for (const family of ['ipv4', 'ipv6']) write(`net/${family}/fwmark_reflect`, '0');
  batch(4, SETUP);
  if (vlans) batch(4, VLAN_SETUP);
  if (vrf) setUpVrf();
  for (const name of ['up0', 'up6', 'br0', ...(vlans ? ['br2'] : [])]) awaitCarrier(name);
}

/** A link has an IPv6 address when the kernel has heard of its carrier, which may take a second. */
function awaitCarrier(ifname: string): void {
  const pause = new Int32Array(new SharedArrayBuffer(4));
  for (let turn = 0; turn < 250; turn += 1) {
    const names = readFileSync('/proc/self/net/if_inet6', 'utf8')
      .split('\n')
      .map(line => line.split(/ +/)[5]);
    if (names.includes(ifname)) return;
    Atomics.wait(pause, 0, 0, 20);
  }
  throw new Error(`${ifname} has no carrier`);
}

/** The kernel makes its rule with the first VRF of a namespace and never again. */
function setUpVrf(): void {
  batch(4, [
    'link add vrf993 address 52:54:00:00:00:09 type vrf table 993',
    'link set vrf993 up',
    'link set up0 master vrf993',
  ]);
  for (const family of [4, 6] as const) {
    const rules = tool('ip', [`-${family}`, 'rule', 'show', 'preference', '1000']);
    if (rules === '') batch(family, ['rule add preference 1000 l3mdev protocol kernel']);
  }
}

function tearDown(stateDir: string): void {
  rmSync(join(stateDir, 'nics'), { recursive: true, force: true });
  tool('nft', ['flush', 'ruleset']);
  if (process.env.OVS_RUNDIR !== undefined)
    tool('ovs-vsctl', [
      '--timeout=10',
      '--',
      ...['tap0', 'tap1'].flatMap(name => ['--', '--if-exists', 'del-port', name]).slice(1),
    ]);
  const taps = ['tap0', 'tap1', 'trunk0', 'br2', 'vrf993'].filter(name =>
    existsSync(`/proc/sys/net/ipv4/conf/${name}`),
  );
  batch(4, [
    ...[...taps, 'up0', 'up1', 'up6', 'port0', 'br0', 'br1'].map(name => `link delete ${name}`),
    ...flushed(4),
    'rule add preference 32767 lookup default protocol kernel',
  ]);
  batch(6, flushed(6));
}

/** The first rule, which looks up `local`, is what a flush of the rules leaves. */
function flushed(family: 4 | 6): readonly string[] {
  const everything = family === 4 ? '0.0.0.0/0' : '::/0';
  return [
    'rule flush',
    'rule add preference 32766 lookup main protocol kernel',
    ...[77, 993, 994, 1994].map(table => `route flush root ${everything} table ${table}`),
  ];
}

type Json = Readonly<Record<string, unknown>>;

function snapshot(): readonly string[] {
  const both = answers(4, ['address show', 'neigh show proxy', 'route show table all', 'rule show']);
  const six = answers(6, ['rule show']);
  const ruleset: { readonly nftables: readonly Json[] } = JSON.parse(tool('nft', ['-j', 'list', 'ruleset']));
  const [addresses = [], ...rest] = both;
  const links = addresses.map(link => String(link.ifname));
  const sysctls = SYSCTLS.flatMap(path =>
    path.includes('*') ? links.map(name => path.replace('*', name)) : [path],
  );
  return [
    ...addresses.map(linkLine),
    ...vlanLines(),
    ...ovsLines(),
    ...rest.flatMap(rows => rows.filter(isLasting).map(row => JSON.stringify(row, steady))),
    ...six.flatMap(rows => rows.map(row => `IPv6 ${JSON.stringify(row, steady)}`)),
    ...ruleset.nftables.flatMap(entry => nftEntry(entry)),
    // Older kernels have no force_forwarding.
    ...sysctls
      .filter(path => existsSync(`/proc/sys/${path}`))
      .map(path => `sysctl ${path} ${readFileSync(`/proc/sys/${path}`, 'utf8').trim()}`),
  ].sort();
}

/** What the kernel keeps for its own addresses comes and goes with the carrier, of which it hears a little later. */
function isLasting(row: Json): boolean {
  const ofKernel = row.table === '255' || (row.dst === 'fe80::/64' && row.protocol === '2');
  return !ofKernel || row.priority !== undefined;
}

function linkLine({ ifname, group, mtu, master, address, flags, addr_info }: Json): string {
  const found = addr_info as readonly Json[];
  const addresses = found.map(({ local, prefixlen }) => `${local}/${prefixlen}`).sort();
  const up = (flags as readonly string[]).includes('UP');
  return JSON.stringify({ ifname, group, mtu, master, address, up, addresses });
}

/** Elements one by one: they are listed in any order. */
function nftEntry(entry: Json): readonly string[] {
  const [[kind, body] = ['', {}]] = Object.entries(entry) as [string, Json][];
  const { elem, ...rest } = body;
  const name = `${kind} ${body.family} ${body.table} ${body.name}`;
  const elements = Array.isArray(elem) ? elem.map(one => `${name} has ${JSON.stringify(one)}`) : [];
  return [JSON.stringify({ [kind]: rest }, steady), ...elements];
}

/** What Open vSwitch has for taps. */
function ovsLines(): readonly string[] {
  if (process.env.OVS_RUNDIR === undefined) return [];
  const columns = '--columns=name,tag,trunks,vlan_mode,protected,external_ids';
  const table = JSON.parse(tool('ovs-vsctl', ['--timeout=10', '--format=json', columns, 'list', 'Port']));
  return (table.data as readonly unknown[][])
    .filter(row => String(row[0]).startsWith('tap'))
    .map(row => `ovs ${JSON.stringify(row)}`);
}

/** The VLANs of each port. */
function vlanLines(): readonly string[] {
  const rows: readonly Json[] = JSON.parse(tool('bridge', ['-j', 'vlan', 'show']) || '[]');
  return rows.map(row => JSON.stringify(row));
}

const VOLATILE = ['handle', 'packets', 'bytes'];

/** Without what changes by itself. */
function steady(name: string, value: unknown): unknown {
  return VOLATILE.includes(name) ? undefined : value;
}

export function answers(family: 4 | 6, questions: readonly string[]): readonly (readonly Json[])[] {
  const out = tool(
    'ip',
    [...(family === 6 ? ['-6'] : []), '-N', '-d', '-j', '-batch', '-'],
    questions.join('\n'),
  );
  return out
    .split('\n')
    .filter(line => line.startsWith('['))
    .map(line => JSON.parse(line));
}

/** Without -6, `ip` takes the family from the addresses; a rule may have none. */
function batch(family: 4 | 6, lines: readonly string[]): void {
  tool('ip', [...(family === 6 ? ['-6'] : []), '-batch', '-'], lines.join('\n'));
}

function write(path: string, value: string): void {
  writeFileSync(`/proc/sys/${path}`, value);
}

export function tool(file: string, args: readonly string[], input = ''): string {
  // Who reads no input may have ended before it is written.
  const given = input === '' ? { stdin: 'ignore' as const } : { input: `${input}\n` };
  return execaSync(file, args, { ...given, env: { PATH }, timeout: 20_000 }).stdout;
}
