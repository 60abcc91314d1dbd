// A node of a cluster as the bench needs it: a namespace with one uplink and many taps, and the commands that wire them.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ipBatch, type Place, writeSysctl } from '../support/command.ts';
import { makeNamespace } from '../support/topology.ts';
import type { Command } from './programs.ts';

export type Mode = 'routed' | 'bridged';

export interface BenchNode extends Place {
  /** Of its network. */
  readonly mode: Mode;
  readonly stateDir: string;
  readonly config: string;
}

export interface BenchNic {
  readonly tap: string;
  readonly mac: string;
  readonly ip: string;
  readonly ip6: string;
}

const root = join(import.meta.dirname, '../..');
const dist = join(root, 'dist');

export const UPLINK = 'up0';
export const GATEWAY = '198.18.0.1';
export const GATEWAY6 = '2001:db8:993::1';

const SUBNETS = `subnet = 198.18.0.0/16
gateway = ${GATEWAY}
subnet6 = 2001:db8:993::/64
gateway6 = ${GATEWAY6}
`;

const CONFIG: Readonly<Record<Mode, string>> = {
  routed: `[vmnet]
[network public]
mode = routed
link = public_993
table = 993
uplink = ${UPLINK}
arp-source = 198.18.255.254
${SUBNETS}`,
  bridged: `[vmnet]
[network lan]
mode = bridged
link = br0
${SUBNETS}`,
};

/** NIC 0 is tap0, 198.18.1.1, and the EUI-64 address of its MAC; there are 40000 of them. */
export function nicOf(number: number): BenchNic {
  const [high, low] = [Math.floor(number / 200) + 1, (number % 200) + 1];
  const [a, b] = [high, low].map(byte => byte.toString(16).padStart(2, '0'));
  return {
    tap: `tap${number}`,
    mac: `aa:00:00:35:${a}:${b}`,
    ip: `198.18.${high}.${low}`,
    ip6: `2001:db8:993::a800:ff:fe35:${a}${b}`,
  };
}

/** A node with the taps of NICs 0 to `taps` - 1, an uplink that is a tap as well, and a bridge; bridged, over the uplink. */
export async function makeNode(
  ns: string,
  dir: string,
  taps: number,
  mode: Mode,
  filter: 'full' | 'none',
): Promise<BenchNode> {
  const node = { ns, mode, stateDir: join(dir, ns, 'state'), config: join(dir, ns, 'vmnet.ini') };
  mkdirSync(node.stateDir, { recursive: true, mode: 0o700 });
  writeFileSync(node.config, `${CONFIG[mode]}filter = ${filter}\n`);
  await makeNamespace(node);
  await writeSysctl(node, '1', 'net/ipv4/ip_forward', 'net/ipv6/conf/all/forwarding');
  await leaveBridgesAlone(node);
  await ipBatch(node, [
    `tuntap add dev ${UPLINK} mode tap`,
    `link set ${UPLINK} up`,
    'link add br0 type bridge stp_state 0 forward_delay 0 mcast_snooping 0',
    'link set br0 up',
    ...(mode === 'bridged' ? [`link set ${UPLINK} master br0`] : []),
    ...Array.from({ length: taps }, (_, number) => `tuntap add dev ${nicOf(number).tap} mode tap`),
  ]);
  return node;
}

/**
 * A kernel with br_netfilter built in takes bridged packets through the hooks of IP as well, in each new namespace. A
 * host with the module does not load it by itself; on both sides of a ratio, its cost would flatter the ratio.
 */
async function leaveBridgesAlone(node: Place): Promise<void> {
  const settings = ['iptables', 'ip6tables', 'arptables'].map(name => `net/bridge/bridge-nf-call-${name}`);
  if (existsSync(`/proc/sys/${settings[0]}`)) await writeSysctl(node, '0', ...settings);
}

export function bareNode(node: BenchNode): Command {
  return { argv: [process.execPath, '-e', '0'], env: surroundings(node) };
}

/** What Ganeti runs when a NIC comes. */
export function up(node: BenchNode, nic: BenchNic, mode = node.mode): Command {
  return { argv: [join(dist, 'hooks/kvm-vif-bridge')], env: ganetiEnv(node, nic, mode) };
}

/** What Ganeti 3.2 runs when it goes. */
export function down(node: BenchNode, nic: BenchNic, mode = node.mode): Command {
  return { argv: [join(dist, `hooks/network/${mode}/down`)], env: ganetiEnv(node, nic, mode) };
}

export function vmnet(node: BenchNode, ...args: readonly string[]): Command {
  return { argv: [join(dist, 'vmnet.cjs'), ...args], env: surroundings(node) };
}

export function vmnetAttach(node: BenchNode, nic: BenchNic): Command {
  const options = [
    '--network',
    'public',
    '--mac',
    nic.mac,
    '--ip',
    nic.ip,
    '--instance',
    'bench.example.test',
  ];
  return vmnet(node, 'attach', nic.tap, ...options);
}

/** The neighbour proxies that end an attach. */
export function proxiesOf(nic: BenchNic): readonly string[] {
  return [`${nic.ip}@${UPLINK}`, `${nic.ip6}@${UPLINK}`, `${GATEWAY6}@${nic.tap}`];
}

/** A NIC that is not of the node's network has no address. */
function ganetiEnv(node: BenchNode, nic: BenchNic, mode: Mode): Command['env'] {
  return {
    ...surroundings(node),
    INSTANCE: `${nic.tap}.example.test`,
    INTERFACE: nic.tap,
    INTERFACE_INDEX: '0',
    INTERFACE_NAME: 'nic0',
    INTERFACE_UUID: '3cad21c6-58d3-4a7d-a79e-03e0bc6c3974',
    MODE: mode,
    MAC: nic.mac,
    TAGS: 'prod web',
    VLAN: '',
    LINK: mode === 'bridged' ? 'br0' : 'public_993',
    ...(mode === node.mode ? networkEnv(nic, mode) : {}),
  };
}

function networkEnv(nic: BenchNic, mode: Mode): Command['env'] {
  return {
    IP: nic.ip,
    NETWORK_NAME: mode === 'bridged' ? 'lan' : 'public',
    NETWORK_UUID: 'cdeceb97-09bc-4918-8f6b-15dd2ea911e7',
    NETWORK_SUBNET: '198.18.0.0/16',
    NETWORK_GATEWAY: GATEWAY,
    NETWORK_SUBNET6: '2001:db8:993::/64',
    NETWORK_GATEWAY6: GATEWAY6,
    NETWORK_MAC_PREFIX: 'aa:00:00',
    NETWORK_TAGS: '',
  };
}

function surroundings({ stateDir, config }: BenchNode): Command['env'] {
  return {
    HOME: '/root',
    LANG: 'C.UTF-8',
    LC_ALL: 'C',
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    VMNET_STATE_DIR: stateDir,
    VMNET_CONFIG: config,
  };
}
