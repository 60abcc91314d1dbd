// Leases of real DHCP clients on ports of VRFs, a VRF for each client; in both families where the client has both.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { inside, ip, ipBatch, isInstalled, must, PATH, type Place, writeSysctl } from '../support/command.ts';
import { skip as skipScene, VMNET } from './vrf-scene.ts';

const CLIENTS = ['dhclient', 'busybox', 'dhcpcd'] as const;
const missing = CLIENTS.filter(client => !isInstalled(client));
// The hooks are put into /etc, where the clients look.
const skip =
  process.env.VMNET_LAB === undefined
    ? 'needs a machine of its own; make lab has one'
    : missing.length > 0
      ? `needs ${missing.join(', ')}`
      : skipScene;
const host: Place = { ns: `dhc${process.pid}-host` };
const server: Place = { ns: `dhc${process.pid}-gw` };
const directory = mkdtempSync(join(tmpdir(), 'vrf-dhcp-'));
const log = join(directory, 'dnsmasq.log');
const running: ChildProcess[] = [];
const RESOLV_CONF = readFileSync('/etc/resolv.conf', 'utf8');

before(async () => {
  if (skip !== false) return;
  install('dhclient-enter', '/etc/dhcp/dhclient-enter-hooks.d/vmnet-vrf');
  install('dhclient-exit', '/etc/dhcp/dhclient-exit-hooks.d/vmnet-vrf');
  install('dhcpcd-enter', '/etc/dhcpcd.enter-hook');
  install('udhcpc', '/etc/vmnet/udhcpc');
  for (const { ns } of [host, server]) await must(['ip', 'netns', 'add', ns]);
  // An address of a server that is tentative takes no packets.
  for (const { ns } of [host, server]) {
    await writeSysctl({ ns }, '0', 'net/ipv6/conf/default/accept_dad', 'net/ipv6/conf/all/accept_dad');
  }
  await ipBatch(host, [
    'link set lo up',
    'link add d0 type dummy',
    'link set d0 up',
    // Of another network; dhclient's own default route by the port would be refused beside it.
    'route add default dev d0',
    ...CLIENTS.flatMap((_, i) => [
      `link add eth${i} type veth peer name eth${i} netns ${server.ns}`,
      `link add vrf${i} type vrf table ${1001 + i}`,
      `link set vrf${i} up`,
      `link set eth${i} up master vrf${i}`,
    ]),
  ]);
  await ipBatch(
    server,
    CLIENTS.flatMap((_, i) => [
      `link set eth${i} up`,
      `address add 10.0.${i}.1/24 dev eth${i}`,
      `address add 2001:db8:${i}::1/64 dev eth${i} nodad`,
    ]),
  );
  await writeSysctl(server, '1', 'net/ipv6/conf/all/forwarding');
  startIn(server, [
    'dnsmasq',
    ...['--conf-file=/dev/null', '--keep-in-foreground', '--user=root', '--pid-file=', '--port=0'],
    ...['--bind-interfaces', '--enable-ra', `--dhcp-leasefile=${directory}/leases`, `--log-facility=${log}`],
    ...CLIENTS.flatMap((_, i) => [
      `--interface=eth${i}`,
      `--ra-param=eth${i},5,1800`,
      `--dhcp-range=set:n${i},10.0.${i}.50,10.0.${i}.60,120`,
      `--dhcp-range=2001:db8:${i}::50,2001:db8:${i}::60,64,120`,
      `--dhcp-option=tag:n${i},option:dns-server,10.0.${i}.1`,
    ]),
    ...['1', '2'].map(i => `--dhcp-option=tag:n${i},121,10.8.0.0/16,10.0.${i}.1,0.0.0.0/0,10.0.${i}.1`),
    // A renewal soon, and for long none that is broadcast.
    ...['--dhcp-option=option:T1,8', '--dhcp-option=option:T2,100'],
    '--dhcp-option=option6:dns-server,[2001:db8::53]',
  ]);
});

after(async () => {
  for (const child of running) child.kill();
  await sleep(200);
  if (skip === false) {
    for (const { ns } of [host, server]) await must(['ip', 'netns', 'del', ns]).catch(() => undefined);
  }
  rmSync(directory, { recursive: true });
});

function install(name: string, path: string): void {
  const text = readFileSync(join(import.meta.dirname, '../../etc/dhcp', name), 'utf8');
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text.replaceAll('@VMNET@', VMNET));
  chmodSync(path, 0o755);
}

function startIn(place: Place, argv: readonly string[]): ChildProcess {
  const output = process.env.VMNET_DHCP_LOG === undefined ? 'ignore' : 'inherit';
  const child = spawn('ip', ['netns', 'exec', place.ns, ...argv], {
    stdio: ['ignore', output, output],
    env: { PATH },
  });
  running.push(child);
  return child;
}

async function routes(family: '-4' | '-6', table: string | number, dev: string): Promise<readonly string[]> {
  const text = await ip(host, family, 'route', 'show', 'table', String(table), 'dev', dev);
  return text.split('\n').map(line => line.trim());
}

async function waitFor(what: string, ready: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < 80; i++) {
    if (await ready()) return;
    await sleep(500);
  }
  assert.fail(`${what}: never; ${readFileSync(log, 'utf8').slice(-600)}`);
}

function told(dev: string, family: 4 | 6): string {
  const path = `/run/vmnet/dns/lease.${dev}.${family}`;
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
}

/** All that a lease of IPv4 has to bring about, by the number of the client. */
async function assertLeased(i: number, others: readonly string[]): Promise<void> {
  const dev = `eth${i}`;
  const wanted = [`default via 10.0.${i}.1 proto dhcp onlink`, ...others];
  await waitFor(`${dev}: ${wanted}`, async () => {
    const found = await routes('-4', 1001 + i, dev);
    return wanted.every(route => found.includes(route)) && (await routes('-4', 'main', dev)).join('') === '';
  });
  assert.deepEqual(await routes('-4', 'main', 'd0'), ['default scope link']);
  const ping = await inside(host, ['ping', '-c', '1', '-W', '5', '-I', `vrf${i}`, `10.0.${i}.1`]);
  assert.equal(ping.exitCode, 0, ping.stdout + ping.stderr);
  await waitFor(`the name server of ${dev}`, async () => told(dev, 4) === `DNS=10.0.${i}.1\n`);
  assert.equal(readFileSync('/etc/resolv.conf', 'utf8'), RESOLV_CONF);
}

function acknowledged(i: number): number {
  return readFileSync(log, 'utf8').split(`DHCPACK(eth${i})`).length - 1;
}

async function assertRenewed(i: number, before = acknowledged(i)): Promise<void> {
  await waitFor(`DHCPACK on eth${i} once more`, async () => acknowledged(i) > before);
}

/** The server has said yes, and the client has heard it: without, the address would be as old as the lease. */
async function assertHeard(dev: string): Promise<void> {
  await waitFor(`a renewed address on ${dev}`, async () => {
    const text = await ip(host, '-4', 'address', 'show', 'dev', dev);
    return Number(/valid_lft (\d+)sec/.exec(text)?.[1]) >= 114;
  });
}

test('dhclient', { skip }, async () => {
  const files = (n: string) => ['-pf', join(directory, `pid${n}`), '-lf', join(directory, `leases${n}`)];
  startIn(host, ['dhclient', '-d', '-4', ...files('4'), 'eth0']);
  startIn(host, [VMNET, 'vrf', 'exec', 'vrf0', '--', 'dhclient', '-d', '-6', ...files('6'), 'eth0']);
  await assertLeased(0, []);
  await assertRenewed(0);
  await assertHeard('eth0');
  await assertLeased(0, []);
  await waitFor('a lease of IPv6', async () =>
    /2001:db8::(5.|60)\b/.test(await ip(host, '-6', 'address', 'show', 'dev', 'eth0')),
  );
  const ping = await inside(host, ['ping', '-c', '1', '-W', '5', '-I', 'vrf0', '2001:db8::1']);
  assert.equal(ping.exitCode, 0, ping.stdout + ping.stderr);
  assert.deepEqual(await routes('-6', 'main', 'eth0'), ['']);
  assert.match((await routes('-6', 1001, 'eth0')).join('\n'), /^default via fe80::.* proto ra/m);
  await waitFor('its name server', async () => told('eth0', 6) === 'DNS=2001:db8::53\n');
});

test('udhcpc', { skip }, async () => {
  const client = startIn(host, [
    'busybox',
    'udhcpc',
    '-f',
    '-O',
    'staticroutes',
    '-s',
    '/etc/vmnet/udhcpc',
    '-i',
    'eth1',
  ]);
  await assertLeased(1, ['10.8.0.0/16 via 10.0.1.1 proto dhcp onlink']);
  const before = acknowledged(1);
  client.kill('SIGUSR1');
  await assertRenewed(1, before);
  await assertLeased(1, ['10.8.0.0/16 via 10.0.1.1 proto dhcp onlink']);
});

test('dhcpcd', { skip }, async () => {
  // In a VRF it does not hear router advertisements, which are the kernel's then; without them it wants to be told.
  const conf = 'option domain_name_servers, classless_static_routes\noption dhcp6_name_servers\n';
  writeFileSync(join(directory, 'dhcpcd.conf'), `${conf}noipv6rs\ninterface eth2\nia_na 1\n`);
  const dhcpcd = ['dhcpcd', '-B', '--noarp', '-f', join(directory, 'dhcpcd.conf'), 'eth2'];
  startIn(host, [VMNET, 'vrf', 'exec', 'vrf2', '--', ...dhcpcd]);
  await assertLeased(2, ['10.8.0.0/16 via 10.0.2.1 proto dhcp onlink']);
  await assertRenewed(2);
  await assertHeard('eth2');
  await assertLeased(2, ['10.8.0.0/16 via 10.0.2.1 proto dhcp onlink']);
  await waitFor('a route of IPv6', async () =>
    (await routes('-6', 1003, 'eth2')).some(route => /^default via fe80::/.test(route)),
  );
  const ping = await inside(host, ['ping', '-c', '1', '-W', '5', '-I', 'vrf2', '2001:db8:2::1']);
  assert.equal(ping.exitCode, 0, ping.stdout + ping.stderr);
  assert.deepEqual(await routes('-6', 'main', 'eth2'), ['']);
  await waitFor('its name server', async () => told('eth2', 6).includes('2001:db8::53'));
});
