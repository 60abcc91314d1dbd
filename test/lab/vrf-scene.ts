// A management VRF made with plain ip, its gateway, and a DNS server inside and outside. In both families.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type CommandResult,
  inside,
  ip,
  ipBatch,
  missingForNamespaces,
  must,
  PATH,
  type Place,
  run,
} from '../support/command.ts';
import { missingModule } from '../support/modules.ts';

export const VMNET = join(import.meta.dirname, '../../dist/vmnet.cjs');
export const skip = missingForNamespaces() ?? missingModule('vrf');
export const host: Place = { ns: `vrf${process.pid}-host` };
export const gateway: Place = { ns: `vrf${process.pid}-gw` };
export const OUTSIDE = '192.0.2.1';
export const INSIDE = '192.0.2.2';
const directory = mkdtempSync(join(tmpdir(), 'vrf-tools-'));
const running: ReturnType<typeof spawn>[] = [];
/** The programs of the host see its resolv.conf, and a tree of cgroups, which `ip netns exec` has covered. */
const ON_HOST = [
  'sh',
  '-c',
  `mount -t cgroup2 cgroup2 /sys/fs/cgroup && mount --bind ${directory}/resolv.conf /etc/resolv.conf && exec "$@"`,
  'sh',
];
export const VRF_LINES = [
  'link add mgmt type vrf table 1001',
  'link set mgmt up',
  'address add 127.0.0.1/8 dev mgmt',
  'address add 127.0.0.53/32 dev mgmt',
  'address add ::1/128 dev mgmt nodad',
  'link set eth0 master mgmt',
  'address replace 10.0.0.2/24 dev eth0',
  'address replace 2001:db8::2/64 dev eth0 nodad',
  'route replace default via 10.0.0.1 dev eth0 table 1001',
  'route replace default via 2001:db8::1 dev eth0 table 1001',
  'route replace unreachable default metric 4278198272 table 1001',
];

/** Builds it before the tests of a file, and takes it down after them. */
export function inVrfScene(): void {
  before(async () => {
    if (skip !== false) return;
    writeFileSync(join(directory, 'resolv.conf'), 'nameserver 127.0.0.53\noptions timeout:2 attempts:2\n');
    writeFileSync(join(directory, 'vmnet.ini'), '[vrf mgmt]\ntable = 1001\nports = eth0\ndns = 10.0.0.1\n');
    for (const { ns } of [host, gateway]) await must(['ip', 'netns', 'add', ns]);
    await ip(host, 'link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', gateway.ns);
    await ipBatch(gateway, [
      'link set lo up',
      'link set eth0 up',
      'address add 10.0.0.1/24 dev eth0',
      'address add 2001:db8::1/64 dev eth0 nodad',
    ]);
    await ipBatch(host, ['link set lo up', 'link set eth0 up', ...VRF_LINES]);
    await ip(
      host,
      '-6',
      'route',
      'replace',
      'unreachable',
      'default',
      'metric',
      '4278198272',
      'table',
      '1001',
    );
    for (const family of ['-4', '-6']) {
      await ip(host, family, 'rule', 'add', 'pref', '32765', 'lookup', 'local', 'protocol', 'kernel');
      await ip(host, family, 'rule', 'del', 'pref', '0');
    }
    startIn(gateway, dnsmasq('--no-resolv', `--address=/test/${INSIDE}`, '--local=/#/', '--bind-interfaces'));
    startIn(
      host,
      dnsmasq(
        '--no-resolv',
        `--address=/test/${OUTSIDE}`,
        '--bind-interfaces',
        '--listen-address=127.0.0.53',
        '--interface=lo',
      ),
    );
  });
  after(async () => {
    for (const child of running) child.kill();
    for (const { ns } of [host, gateway]) await must(['ip', 'netns', 'del', ns]).catch(() => undefined);
    rmSync(directory, { recursive: true });
  });
}

function dnsmasq(...args: readonly string[]): readonly string[] {
  return [
    'dnsmasq',
    '--conf-file=/dev/null',
    '--keep-in-foreground',
    '--no-hosts',
    '--user=root',
    '--pid-file=',
    ...args,
  ];
}

export function startIn(place: Place, argv: readonly string[]): void {
  const child = spawn('ip', ['netns', 'exec', place.ns, ...argv], { stdio: 'ignore', env: { PATH } });
  running.push(child);
}

export function onHost(...argv: readonly string[]): Promise<CommandResult> {
  return inside(host, [...ON_HOST, ...argv], { timeoutMs: 90_000 });
}

export function vmnet(...words: readonly string[]): Promise<CommandResult> {
  return onHost(VMNET, '--config', join(directory, 'vmnet.ini'), '--state-dir', directory, ...words);
}

export async function until(argv: readonly string[], printed: string): Promise<void> {
  for (let i = 0; i < 60; i++) {
    if ((await inside(host, argv)).stdout.includes(printed)) return;
    await sleep(500);
  }
  assert.fail(`${argv.join(' ')} never prints ${printed}`);
}

/** What vmnet-dns@mgmt.service does. */
export async function startForwarder(): Promise<void> {
  const conf = await vmnet('vrf', 'dns', 'mgmt', '--conf');
  assert.deepEqual([conf.stderr, conf.stdout], ['', join(directory, 'dns/mgmt.conf')]);
  const forwarder = ['dnsmasq', `--conf-file=${conf.stdout}`, '--keep-in-foreground', '--user=root'];
  startIn(host, [...ON_HOST, VMNET, 'vrf', 'exec', 'mgmt', '--', ...forwarder]);
  await until(['ss', '-Hlun'], '127.0.0.53%mgmt:53');
}

/** Other files of tests use the same machine: who comes second finds it. */
export async function makeKey(path: string): Promise<void> {
  if (!existsSync(path)) await must(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', path]);
}

/** On the machine itself, where another file may have a VRF at the same time, which needs the same. */
export async function putLocalLater(): Promise<void> {
  for (const family of ['-4', '-6']) {
    await run(['ip', family, 'rule', 'add', 'pref', '32765', 'lookup', 'local', 'protocol', 'kernel']);
    await run(['ip', family, 'rule', 'del', 'pref', '0']);
    const rules = await must(['ip', family, 'rule', 'show']);
    assert.match(rules, /^32765:\s+from all lookup local/m);
    assert.doesNotMatch(rules, /^0:/m);
  }
}
