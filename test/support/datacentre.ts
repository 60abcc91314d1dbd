// A throw-away data centre in network namespaces: a router, two nodes, three segments, VMs that move between them.
//
//   router   eth0 192.0.2.1/24, 2001:db8:993::1/64 on `public`;
//            eth1 198.51.100.1/24, 2001:db8:992::1/64 on `vlan992`;
//            lo 203.0.113.1 and 2001:db8:ffff::1, the outside
//   nodeN    up0 on `public`, without addresses: the routed network's uplink; br0 with up1 on `vlan992`;
//            mgmt 10.9.9.N/24, 2001:db8:999::N/64, with main's default routes

import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { execaSync } from 'execa';
import { type CommandOptions, type CommandResult, inside, PATH, type Place } from './command.ts';
import { DOMAIN } from './domain.ts';
import { type Segments, wire } from './topology.ts';

export interface Node extends Place {
  readonly name: string;
  readonly uplink: string;
  /** Where VMNET_CONFIG points to; a test may rewrite it. */
  readonly configFile: string;
  readonly stateDir: string;
  /** Runs the command line here: `node.vmnet(['attach', 'tap0', '--network', 'public'])`. */
  vmnet(args: readonly string[], options?: CommandOptions): Promise<CommandResult>;
  /** Runs dist/hooks/NAME here, as a hypervisor does: `node.hook('network/routed/up', { INTERFACE: 'tap0', … })`. */
  hook(
    name: string,
    env: Readonly<Record<string, string>>,
    args?: readonly string[],
    input?: string,
  ): Promise<CommandResult>;
}

export interface Datacentre {
  /** Every namespace's name begins with it, and so does no other's. */
  readonly prefix: string;
  readonly router: Place;
  readonly segments: Segments;
  readonly node1: Node;
  readonly node2: Node;
  /** Ends what runs in the namespaces and removes them; again is harmless. */
  close(): void;
}

export interface DatacentreOptions {
  /** The text of vmnet.ini, the same on both nodes. */
  readonly config?: string;
  /** Default up0; `bond0.993` is as good. */
  readonly uplink?: string;
  /** net.ipv6.conf.all.forwarding of the nodes; default true. ip_forward is off. */
  readonly forwarding6?: boolean;
  /** `source` runs bin/vmnet, `dist` what `make build` made of it; default source. */
  readonly program?: 'source' | 'dist';
}

const root = join(import.meta.dirname, '../..');

/** Builds it in about 0.2 s. It goes with `close()`, and at the latest with this process, unless by SIGKILL. */
export async function buildDatacentre(options: DatacentreOptions = {}): Promise<Datacentre> {
  const dir = mkdtempSync(join(tmpdir(), `vmt${process.pid}-`));
  const prefix = basename(dir);
  const close = closeWithProcess(() => remove(prefix, dir));
  const place = (name: string): Place => ({ ns: `${prefix}-${name}` });
  const uplink = options.uplink ?? 'up0';
  try {
    const config = options.config ?? publicNetwork(uplink);
    const node = (name: string) =>
      makeNode(name, place(name), dir, uplink, config, options.program ?? PROGRAM);
    const datacentre: Datacentre = {
      prefix,
      router: place('router'),
      segments: { ...place('segments'), routed: 'public', bridged: 'vlan992', management: 'mgmt' },
      node1: node('node1'),
      node2: node('node2'),
      close,
    };
    const { node1, node2 } = datacentre;
    await wire({ ...datacentre, nodes: [node1, node2], uplink, forwarding6: options.forwarding6 ?? true });
    if (DOMAIN === 'vrf') await Promise.all([node1, node2].map(makeVrf));
    return datacentre;
  } catch (error) {
    close();
    throw error;
  }
}

/** In the lab, reading the source takes half a minute each time. */
const PROGRAM = process.env.VMNET_LAB === undefined ? 'source' : 'dist';

/** vmnet.ini of the network that the routed segment carries; `lines` are added to its section. */
export function publicNetwork(uplink: string, ...lines: readonly string[]): string {
  const vrf = ['[vrf vrf993]', 'table = 993', `ports = ${uplink}`];
  return `${[
    ...(DOMAIN === 'vrf' ? vrf : []),
    '[network public]',
    'mode = routed',
    'link = public_993',
    'table = 993',
    `uplink = ${uplink}`,
    'subnet = 192.0.2.0/24',
    'gateway = 192.0.2.1',
    'arp-source = 192.0.2.254',
    'subnet6 = 2001:db8:993::/64',
    'gateway6 = 2001:db8:993::1',
    ...(DOMAIN === 'vrf' ? ['domain = vrf'] : []),
    ...lines,
  ].join('\n')}\n`;
}

function makeNode(
  name: string,
  place: Place,
  dir: string,
  uplink: string,
  config: string,
  program: 'source' | 'dist',
): Node {
  const configFile = join(dir, `${name}.ini`);
  const stateDir = join(dir, `${name}.state`);
  const own = { VMNET_CONFIG: configFile, VMNET_STATE_DIR: stateDir };
  const executable = join(root, program === 'source' ? 'bin/vmnet' : 'dist/vmnet.cjs');
  writeFileSync(configFile, config);
  return {
    ...place,
    name,
    uplink,
    configFile,
    stateDir,
    vmnet: (args, options = {}) =>
      inside(place, [executable, ...args], { ...options, env: { ...own, ...options.env } }),
    hook: (hook, env, args = [], input) =>
      inside(place, [join(root, 'dist/hooks', hook), ...args], {
        env: { ...own, ...env },
        ...(input === undefined ? {} : { input }),
      }),
  };
}

async function makeVrf({ vmnet }: Node): Promise<void> {
  const { exitCode, stderr } = await vmnet(['host', 'up']);
  if (exitCode !== 0) throw new Error(`vmnet host up: ${stderr}`);
}

/** Runs `clean` once: when called, or when this process ends by itself, by an exception or by a signal. */
function closeWithProcess(clean: () => void): () => void {
  const interrupt = (signal: NodeJS.Signals) => process.exit(signal === 'SIGINT' ? 130 : 143);
  const close = () => {
    process.off('exit', close);
    for (const signal of SIGNALS) process.off(signal, interrupt);
    clean();
  };
  process.on('exit', close);
  for (const signal of SIGNALS) process.on(signal, interrupt);
  return close;
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

function remove(prefix: string, dir: string): void {
  const ip = (...args: string[]) => execaSync('ip', args, { env: { PATH }, reject: false });
  for (const ns of namespaces().filter(name => name.startsWith(`${prefix}-`))) {
    // A namespace lives as long as a process is in it: a capture, or an announcement that is to be repeated.
    for (const pid of ip('netns', 'pids', ns).stdout.split('\n').filter(Boolean)) end(Number(pid));
    ip('netns', 'delete', ns);
  }
  rmSync(dir, { recursive: true, force: true });
}

/** The names of the machine's network namespaces. */
export function namespaces(): readonly string[] {
  try {
    return readdirSync('/run/netns');
  } catch {
    return [];
  }
}

function end(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended since.
  }
}
