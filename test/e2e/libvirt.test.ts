// Two hosts with a real libvirt, real guests under QEMU, and vmnet as libvirt's hooks.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Place } from '../support/command.ts';
import { type Cluster, startMachines } from './cluster.ts';
import { answers, type Guest, type GuestNic, guestNic } from './guest.ts';
import { layer } from './layer.ts';
import { type Machine, mustOn, on, put } from './node-run.ts';
import { outsideOf } from './outside.ts';
import { type Bare, bareStateOf, settled } from './settled.ts';

const TIMEOUT = { timeoutMs: 60_000 };
const GUEST: Guest = {
  name: 'web.example.test',
  nics: [guestNic('public', 31), guestNic('lan', 32)],
  at: 0,
};
let cluster: Cluster;
let outside: Place;
let bare: readonly Bare[];

before(async () => {
  cluster = await startMachines(process.env.VMNET_E2E_LAYER ?? (await layer()));
  outside = await outsideOf(cluster);
  await Promise.all(cluster.machines.map(startLibvirt));
  bare = await Promise.all(cluster.machines.map(bareStateOf));
});
after(() => cluster?.close());

test('a domain starts', async () => {
  await define(domain());
  await virsh(0, 'start', GUEST.name);
  await answers(outside, GUEST);
  await settled(cluster, bare, [GUEST]);
});

test('libvirt is started anew, while somebody has flushed nftables: the guest goes on, and its filter is back', async () => {
  const [machine] = cluster.machines;
  await mustOn(machine, [
    'sh',
    '-ec',
    'kill "$(cat /run/libvirtd.pid)"; while [ -e /run/libvirtd.pid ]; do sleep 0.1; done',
  ]);
  await mustOn(machine, ['nft', 'flush', 'ruleset']);
  await startDaemon(machine);
  await answers(outside, GUEST);
  await settled(cluster, bare, [GUEST]);
});

test('live migration, there and back', async () => {
  for (const at of [1, 0] as const) {
    const target = `qemu+tcp://${cluster.machines[at].host}/system`;
    await virsh(at === 1 ? 0 : 1, 'migrate', '--live', GUEST.name, target);
    const moved = { ...GUEST, at };
    await answers(outside, moved);
    await soon(() => settled(cluster, bare, [moved]));
  }
});

test('a domain is destroyed', async () => {
  await virsh(0, 'destroy', GUEST.name);
  await settled(cluster, bare, []);
});

test('a domain whose network nobody knows is not started', async () => {
  await virsh(0, 'undefine', GUEST.name);
  await define(domain("network='ham'"));
  const { exitCode, stderr } = await on(cluster.machines[0], ['virsh', 'start', GUEST.name], TIMEOUT);
  assert.notEqual(exitCode, 0);
  assert.match(stderr, /ham/);
  await settled(cluster, bare, []);
});

/** What Debian's units do, without systemd. */
async function startLibvirt(machine: Machine): Promise<void> {
  await put(machine, '/etc/libvirt/libvirtd.conf', CONFIGURATION.libvirtd);
  await put(machine, '/etc/libvirt/qemu.conf', CONFIGURATION.qemu);
  await mustOn(machine, ['virtlogd', '--daemon']);
  await startDaemon(machine);
}

async function startDaemon(machine: Machine): Promise<void> {
  await mustOn(machine, ['libvirtd', '--daemon', '--listen']);
  await soon(() => mustOn(machine, ['virsh', 'list']));
}

const CONFIGURATION = {
  libvirtd: ['listen_tls = 0', 'listen_tcp = 1', 'auth_tcp = "none"', 'auth_unix_rw = "none"', ''].join('\n'),
  // No cgroups and no security module in a namespace.
  qemu: [
    ...['user = "root"', 'group = "root"', 'security_driver = "none"'],
    ...['namespaces = []', 'cgroup_controllers = []', ''],
  ].join('\n'),
};

function virsh(at: 0 | 1, ...args: readonly string[]): Promise<string> {
  return mustOn(cluster.machines[at], ['virsh', '--quiet', ...args], TIMEOUT);
}

async function define(xml: string): Promise<void> {
  await put(cluster.machines[0], '/root/domain.xml', xml);
  await virsh(0, 'define', '/root/domain.xml');
}

/** `network` is that of the routed NIC, which libvirt has no word for. */
function domain(network = "network='public'"): string {
  const [routed, bridged] = GUEST.nics as readonly [GuestNic, GuestNic];
  return `<domain type='qemu'><name>${GUEST.name}</name>
  <metadata><vmnet:nics xmlns:vmnet='urn:vmnet:nic'>
    <vmnet:nic mac='${routed.mac}' mode='routed' ${network}><vmnet:ip address='${routed.address}'/></vmnet:nic>
    <vmnet:nic mac='${bridged.mac}' network='lan'><vmnet:ip address='${bridged.address}'/>
      <vmnet:ip address='${bridged.address6}'/></vmnet:nic>
  </vmnet:nics></metadata>
  <memory unit='MiB'>128</memory><vcpu>1</vcpu>
  <os><type arch='x86_64' machine='pc'>hvm</type><kernel>/srv/guest/vmlinuz</kernel>
    <initrd>/srv/guest/initrd</initrd><cmdline>quiet console=ttyS0</cmdline></os>
  <features><acpi/></features>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <interface type='ethernet'><mac address='${routed.mac}'/><model type='virtio'/></interface>
    <interface type='bridge'><source bridge='br0'/><mac address='${bridged.mac}'/><model type='virtio'/></interface>
    <memballoon model='none'/>
  </devices></domain>`;
}

/** Within some seconds. */
async function soon(work: () => Promise<unknown>): Promise<void> {
  for (let tries = 0; ; tries += 1) {
    try {
      await work();
      return;
    } catch (error) {
      if (tries >= 50) throw error;
      await sleep(200);
    }
  }
}
