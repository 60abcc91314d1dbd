// A Ganeti cluster of the data centre's two nodes, with vmnet installed on both as `make install` does it.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { must } from '../support/command.ts';
import { buildDatacentre, type Datacentre, publicNetwork } from '../support/datacentre.ts';
import { type Machine, mustOn, put } from './node-run.ts';

export interface Cluster {
  readonly datacentre: Datacentre;
  /** The first is the master. */
  readonly machines: readonly [Machine, Machine];
  /** Where its files are mounted, for its own eyes. */
  readonly work: string;
  /** Ends all of it; again is harmless. */
  close(): Promise<void>;
}

const HERE = import.meta.dirname;
const ROOT = join(HERE, '../..');
const HOSTS = ['node1', 'node2'].map(name => `${name}.example.test`);
const CLUSTER = 'cluster.example.test';
const CLUSTER_ADDRESS = '10.9.9.10';
const TIMEOUT = { timeoutMs: 60_000 };

/** From a packed layer to a cluster that runs instances, in about 15 s. */
export async function startCluster(layer: string): Promise<Cluster> {
  const cluster = await startMachines(layer);
  try {
    await formCluster(cluster);
    return cluster;
  } catch (error) {
    await cluster.close();
    throw error;
  }
}

/** The machines alone, with vmnet on both. */
export async function startMachines(layer: string): Promise<Cluster> {
  const config = `${publicNetwork('up0')}\n[network lan]\nmode = bridged\nlink = br0\n`;
  const datacentre = await buildDatacentre({ config });
  const work = mkdtempSync(join(tmpdir(), 'vmt-e2e-'));
  const places = [datacentre.node1, datacentre.node2].map((node, i) => `${HOSTS[i]}=${node.ns}`);
  const child = spawn(
    'unshare',
    [
      ...['--mount', '--pid', '--fork', '--kill-child', '--propagation', 'private'],
      ...[join(HERE, 'cluster-init.sh'), work, layer, ...places],
    ],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  );
  const close = async () => {
    await ended(child);
    rmSync(work, { recursive: true, force: true });
    datacentre.close();
  };
  try {
    const pids = await readPids(child);
    const machine = (i: 0 | 1): Machine => {
      const node = i === 0 ? datacentre.node1 : datacentre.node2;
      const host = HOSTS[i] ?? '';
      return { node, host, pid: pids.get(host) ?? 0 };
    };
    const cluster = { datacentre, machines: [machine(0), machine(1)] as const, work, close };
    await Promise.all(cluster.machines.map(one => setUpMachine(one, config)));
    return cluster;
  } catch (error) {
    await close();
    throw error;
  }
}

/** Each node says its name and process id when it is ready. */
function readPids(child: ChildProcess): Promise<ReadonlyMap<string, number>> {
  const pids = new Map<string, number>();
  return new Promise((done, failed) => {
    const timer = setTimeout(() => failed(new Error('the nodes do not come up')), 60_000);
    const lines = createInterface({ input: child.stdout ?? process.stdin });
    lines.on('line', line => {
      const [host = '', pid] = line.split(' ');
      pids.set(host, Number(pid));
      if (pids.size < HOSTS.length) return;
      clearTimeout(timer);
      done(pids);
    });
    child.on('exit', code => {
      clearTimeout(timer);
      failed(new Error(`the nodes ended with ${code}`));
    });
  });
}

/** The first process ends with its standard input, and the kernel ends all that are below it. */
function ended(child: ChildProcess): Promise<void> {
  return new Promise(done => {
    if (child.exitCode !== null || child.signalCode !== null) return done();
    const timer = setTimeout(() => child.kill('SIGKILL'), 5000);
    child.on('exit', () => {
      clearTimeout(timer);
      done();
    });
    child.stdin?.end();
  });
}

async function setUpMachine(machine: Machine, config: string): Promise<void> {
  const hosts = [...HOSTS.map((host, i) => `10.9.9.${i + 1} ${host} ${host.split('.')[0]}`)];
  await put(
    machine,
    '/etc/hosts',
    `${['127.0.0.1 localhost', ...hosts, `${CLUSTER_ADDRESS} ${CLUSTER}`].join('\n')}\n`,
  );
  // An operating system that is there already: nothing is installed on the disks that an instance here has not got.
  const os = '/usr/share/ganeti/os/noop';
  await put(machine, `${os}/ganeti_api_version`, '20\n');
  await put(machine, `${os}/variants.list`, 'default\n');
  await put(machine, `${os}/parameters.list`, '');
  for (const script of ['create', 'import', 'export', 'rename', 'verify'])
    await put(machine, `${os}/${script}`, '#!/bin/sh\n', '755');
  await put(machine, '/etc/vmnet/vmnet.ini', config);
  // The files of another process are at hand below its /proc.
  await must([join(ROOT, 'bin/install'), 'install'], {
    env: { DESTDIR: `/proc/${machine.pid}/root` },
    ...TIMEOUT,
  });
  await mustOn(machine, ['sysctl', '-q', '-p', '/etc/sysctl.d/60-vmnet.conf']);
}

async function formCluster({ machines: [master, other] }: Cluster): Promise<void> {
  // Ganeti pings the cluster's address first, and this answers at once that nobody has it.
  await mustOn(master, ['ip', 'route', 'add', 'prohibit', CLUSTER_ADDRESS]);
  await mustOn(master, ['gnt-cluster', 'init', ...CLUSTER_OPTIONS, CLUSTER], TIMEOUT);
  await mustOn(master, ['install', '-d', '-m', '700', '/root/.ssh']);
  await mustOn(master, ['ssh-keygen', '-q', '-t', 'rsa', '-N', '', '-f', '/root/.ssh/id_rsa']);
  const key = await mustOn(master, ['cat', '/root/.ssh/id_rsa.pub']);
  await put(other, '/root/.ssh/authorized_keys', `${key}\n`, '600');
  await mustOn(other, ['/usr/sbin/sshd']);
  await mustOn(master, ['gnt-node', 'add', '--no-ssh-key-check', other.host], TIMEOUT);
  // The one that ssh has started has the environment of a login.
  await restartNoded(other);
  for (const network of NETWORKS) {
    await mustOn(master, ['gnt-network', 'add', ...network.options, network.name], TIMEOUT);
    const parameters = `mode=${network.mode},link=${network.link}`;
    await mustOn(master, ['gnt-network', 'connect', '--nic-parameters', parameters, network.name], TIMEOUT);
  }
}

/** The node daemon is what runs the NIC scripts. */
export async function restartNoded(machine: Machine): Promise<void> {
  for (const word of ['stop', 'start'])
    await mustOn(machine, ['/usr/lib/ganeti/daemon-util', word, 'ganeti-noded'], TIMEOUT);
}

const NETWORKS = [
  {
    name: 'public',
    mode: 'routed',
    link: 'public_993',
    options: [
      ...['--network=192.0.2.0/24', '--gateway=192.0.2.1'],
      ...['--network6=2001:db8:993::/64', '--gateway6=2001:db8:993::1', '--tags=routed'],
    ],
  },
  {
    name: 'lan',
    mode: 'bridged',
    link: 'br0',
    options: [
      ...['--network=198.51.100.0/24', '--gateway=198.51.100.1'],
      ...['--network6=2001:db8:992::/64', '--gateway6=2001:db8:992::1'],
    ],
  },
] as const;

const HYPERVISOR = [
  ...['kvm_path=/usr/bin/qemu-system-x86_64', 'kvm_flag=disabled', 'vnc_bind_address='],
  ...['kernel_path=/srv/guest/vmlinuz', 'initrd_path=/srv/guest/initrd', 'root_path=/dev/ram0'],
  ...['kernel_args=quiet', 'serial_console=true'],
  // Without KVM, memory that is written during the transfer gets lost when it takes many rounds: the guest comes out of
  // it spinning in its network driver. In milliseconds; what QEMU may keep the guest stopped for, instead of a round.
  'migration_downtime=1000',
  // Each QEMU says when its guest runs and when it does not, to the microsecond.
  'kvm_extra=-msg timestamp=on -trace vm_state_notify -D /var/log/qemu-%d.log',
].join(',');

const CLUSTER_OPTIONS = [
  ...['--enabled-hypervisors=kvm', '--enabled-disk-templates=diskless', '--no-ssh-init', '--no-etc-hosts'],
  ...['--master-netdev=mgmt', '--master-netmask=32', '--nic-parameters', 'mode=routed,link=public_993'],
  ...['-H', `kvm:${HYPERVISOR}`],
  ...['-B', 'minmem=128M,maxmem=128M,vcpus=1'],
];
