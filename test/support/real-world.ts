// The node of world.ts on the real kernel: that of the network namespace in which this process is.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Announcement } from '../../lib/core/announce/frames.ts';
import { createHost, type OpenHost } from '../../lib/host/host.ts';
import { snapshot } from './real-snapshot.ts';
import { batch, tool } from './real-tools.ts';
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

function write(path: string, value: string): void {
  writeFileSync(`/proc/sys/${path}`, value);
}
