// A host of systemd's with two ports of networkd's: eth0, which is leased, and eth1. Behind both there is a router, with
// name servers, a web server and a client of SSH. Each boot builds it anew, from files that the first one writes.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { argvInside, must, PATH, type Place, run } from '../support/command.ts';
import { INSIDE, makeKey, OUTSIDE, VMNET } from './vrf-scene.ts';

export const gateway: Place = { ns: 'gw' };
export const HOST = ['10.0.0.50', '2001:db8::2'] as const;
/** Of the router itself, and reached by it alone. */
export const WORLD = ['203.0.113.2', '2001:db8:ffff::2'] as const;
export const KEPT = [
  '/etc/vmnet',
  '/etc/vmnet-lab',
  '/var/lib/vmnet',
  '/etc/systemd',
  '/etc/ssh',
  '/root/.ssh',
  '/etc/resolv.conf',
  '/etc/nsswitch.conf',
  '/etc/passwd',
  '/etc/group',
  '/etc/shadow',
];
const root = join(import.meta.dirname, '../..');

const DNSMASQ =
  'ip netns exec gw dnsmasq --conf-file=/dev/null --user=root --pid-file= --no-hosts --no-resolv --bind-interfaces';
const SCENE = `#!/bin/sh
set -e
ip netns add gw
in_gw() { ip netns exec gw "$@"; }
in_gw sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0
ip -n gw link set lo up
for n in 0 1; do
  # The router that a boot finds is the one that was there before.
  ip link add eth$n address 02:00:00:00:01:0$n type veth peer name eth$n address 02:00:00:00:02:0$n netns gw
  ip -n gw link set eth$n up
done
ip -n gw -batch - <<END
address add 10.0.0.1/24 dev eth0
address add 2001:db8::1/64 dev eth0
address add 10.8.0.1/24 dev eth1
address add 2001:db8:8::1/64 dev eth1
address add ${WORLD[0]}/32 dev lo
address add ${WORLD[1]}/128 dev lo
END
# The address that advertisements come from.
ip link set eth0 up
while ! ip -n gw -6 -o address show dev eth0 scope link -tentative | grep -q fe80; do sleep 0.1; done
${DNSMASQ} --interface=eth0 --except-interface=lo --enable-ra --ra-param=eth0,10,1800 --dhcp-leasefile=/run/lab-leases \\
  --dhcp-option=option:dns-server,10.0.0.1 --dhcp-range=10.0.0.50,10.0.0.50,600 --dhcp-range=2001:db8::,ra-only,64,600 \\
  --address=/test/${INSIDE} --address=/repository.test/${WORLD[0]} --local=/#/
${DNSMASQ} --interface=eth1 --except-interface=lo --address=/test/${OUTSIDE} --local=/#/
in_gw busybox httpd -p 80 -h /etc/vmnet-lab/www
`;

const FILES: Readonly<Record<string, string>> = {
  '/etc/vmnet-lab/scene': SCENE,
  '/etc/vmnet-lab/www/Release': 'Origin: lab\n',
  '/etc/systemd/network/10-eth0.network':
    '[Match]\nName=eth0\n[Network]\nDHCP=ipv4\nIPv6AcceptRA=yes\nAddress=2001:db8::2/64\nDNSDefaultRoute=no\n',
  '/etc/systemd/network/10-eth1.network': `[Match]
Name=eth1
[Network]
Address=10.8.0.2/24
Address=2001:db8:8::2/64
IPv6AcceptRA=no
DNS=10.8.0.1
Domains=~.
[Route]
Gateway=10.8.0.1
Metric=2048
[Route]
Gateway=2001:db8:8::1
Metric=2048
`,
  '/etc/systemd/resolved.conf.d/lab.conf': '[Resolve]\nCache=no\nLLMNR=no\nMulticastDNS=no\n',
  '/etc/systemd/system/lab-scene.service':
    '[Unit]\nDefaultDependencies=no\nBefore=systemd-networkd.service\n[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/etc/vmnet-lab/scene\n',
  '/etc/systemd/system/lab.target.d/boot.conf':
    '[Unit]\nWants=lab-scene.service systemd-networkd.service systemd-resolved.service vmnet-host.service ssh.service\n',
  '/etc/systemd/system/command.service.d/boot.conf': '[Unit]\nAfter=vmnet-host.service ssh.service\n',
  '/etc/ssh/sshd_config': 'Include /etc/ssh/sshd_config.d/*.conf\nUsePAM yes\nPermitRootLogin yes\n',
  '/etc/nsswitch.conf': 'passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n',
};

export function put(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

/** What the machine is given before it is started for the first time, below `at`: this one is others' as well. */
export async function buildMachine(at: string): Promise<void> {
  for (const [path, text] of Object.entries(FILES)) put(join(at, path), text);
  chmodSync(join(at, '/etc/vmnet-lab/scene'), 0o755);
  for (const unit of ['etc/systemd/vmnet-host.service', 'templates/vmnet-dns@.service']) {
    const text = readFileSync(join(root, unit), 'utf8').replaceAll(/@sbindir@\/vmnet|@VMNET@/g, VMNET);
    put(join(at, '/etc/systemd/system', basename(unit)), text.replaceAll('@sysconfdir@', '/etc'));
  }
  symlinkSync('/run/systemd/resolve/stub-resolv.conf', join(at, '/etc/resolv.conf'));
  const keys = join(at, '/root/.ssh');
  mkdirSync(keys, { recursive: true, mode: 0o700 });
  mkdirSync(join(at, '/etc/ssh'), { recursive: true });
  for (const path of [join(at, '/etc/ssh/ssh_host_ed25519_key'), join(keys, 'id')]) await makeKey(path);
  writeFileSync(join(keys, 'authorized_keys'), readFileSync(join(keys, 'id.pub')), { mode: 0o600 });
}

export async function startMachine(): Promise<void> {
  const units = ['lab-scene', 'systemd-networkd', 'systemd-resolved', 'ssh'];
  await must(['systemctl', 'daemon-reload'], { timeoutMs: 60_000 });
  await must(['systemctl', 'start', ...units], { timeoutMs: 90_000 });
}

export async function until(what: string, isSo: () => Promise<boolean>, patienceMs = 20_000): Promise<void> {
  for (const end = Date.now() + patienceMs; Date.now() < end; await sleep(250)) {
    if (await isSo()) return;
  }
  const asked =
    'ip -br a; ip rule; for f in -4 -6; do ip $f route show table all | grep -v -w -e local -e multicast; done';
  const { stdout } = await run([
    'sh',
    '-c',
    `${asked}; journalctl -b --no-pager -n 60 -u systemd-networkd -u vmnet-host -u 'vmnet-rollback-*' -u ssh`,
  ]);
  assert.fail(`never: ${what}\n${stdout}`);
}

/** `GATEWAY DEV` of the default routes that are no last resort; link-local routers are all `fe80`. */
export async function defaultsOf(family: 4 | 6, table: string): Promise<readonly string[]> {
  const { stdout, exitCode } = await run([
    'ip',
    `-${family}`,
    '-j',
    'route',
    'show',
    'default',
    'table',
    table,
  ]);
  // Of a table that is not there `ip` prints half an array.
  const rows = (exitCode === 0 ? JSON.parse(stdout || '[]') : []) as {
    type?: string;
    gateway?: string;
    dev?: string;
  }[];
  return rows
    .filter(({ type = 'unicast' }) => type === 'unicast')
    .map(({ gateway = '', dev }) => `${gateway.replace(/^fe80:.*/, 'fe80')} ${dev}`);
}

export function vmnet(...words: readonly string[]): Promise<string> {
  return must([VMNET, ...words], { timeoutMs: 120_000 });
}

let names = 0;

/** A name of its own for each question: no cache on the way has it. */
export async function lookUp(...into: readonly string[]): Promise<string> {
  const { stdout } = await run([...into, 'getent', 'ahostsv4', `n${process.pid}x${names++}.test`], {
    timeoutMs: 30_000,
  });
  return stdout.split(/\s/)[0] ?? '';
}

function sshTo(host: string): readonly string[] {
  const options = [
    'StrictHostKeyChecking=no',
    'UserKnownHostsFile=/dev/null',
    'LogLevel=ERROR',
    'ConnectTimeout=20',
  ];
  const from = host.includes(':') ? WORLD[1] : WORLD[0];
  const words = ['ssh', '-T', '-b', from, '-i', '/root/.ssh/id', ...options.flatMap(one => ['-o', one])];
  return argvInside(gateway, [...words, `root@${host}`]);
}

/** What a command prints in a session of its own, from the world behind the router. */
export function overSsh(host: string, command: string): Promise<string> {
  return must([...sshTo(host), command], { timeoutMs: 120_000 });
}

export interface Shell {
  /** What a command prints in this session; an error when it says nothing for so long. */
  readonly say: (command: string, timeoutMs?: number) => Promise<string>;
  readonly end: () => void;
}

/** A session that stays open. */
export function openShell(host: string): Shell {
  const [file = '', ...args] = [...sshTo(host), 'sh'];
  const child: ChildProcess = spawn(file, args, { stdio: ['pipe', 'pipe', 'inherit'], env: { PATH } });
  let heard = '';
  let turns = 0;
  child.stdout?.on('data', chunk => {
    heard += String(chunk);
  });
  return {
    say: async (command, timeoutMs = 60_000) => {
      const mark = `said-${turns++}`;
      const from = heard.length;
      child.stdin?.write(`${command} 2>&1; echo ${mark}=$?\n`);
      for (const begun = Date.now(); Date.now() - begun < timeoutMs; await sleep(50)) {
        const [all, text = ''] = new RegExp(`^([^]*?)${mark}=\\d+\\n`).exec(heard.slice(from)) ?? [];
        if (all !== undefined) return text;
      }
      return assert.fail(`the session to ${host} is silent after ${command}: ${heard.slice(from)}`);
    },
    end: () => child.kill(),
  };
}

export const hasOwnMachine = process.env.VMNET_LAB !== undefined && existsSync('/run/systemd/system');
