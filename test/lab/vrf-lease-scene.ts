// A router with a DHCP server behind one port of this machine, which a network manager leases for a VRF.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { argvInside, ipBatch, must, PATH, type Place, run, writeSysctl } from '../support/command.ts';

const alone = process.env.VMNET_LAB !== undefined && existsSync('/run/systemd/system');
export const skip = alone ? false : 'needs a machine of its own with systemd; make lab has one';

export interface Leased {
  readonly port: string;
  readonly vrf: string;
  readonly table: string;
  /** The first three bytes of an IPv4 address, and the /64 of IPv6 without its last colon. */
  readonly nets: readonly [string, string];
}

/** A link to a namespace of its own, and dnsmasq there. */
export async function startRouter({ port, nets: [four, six] }: Leased): Promise<ChildProcess> {
  const gateway: Place = { ns: `gw-${port}` };
  await must(['ip', 'netns', 'add', gateway.ns]);
  await must(`ip link add ${port} type veth peer name ${port} netns ${gateway.ns}`.split(' '));
  await ipBatch(gateway, [
    `link set ${port} up`,
    `address add ${four}.1/24 dev ${port}`,
    `address add ${six}:1/64 dev ${port} nodad`,
  ]);
  await writeSysctl(gateway, '1', 'net/ipv6/conf/all/forwarding');
  // A router advertisement comes from a link-local address, which is tentative for a second.
  await sleep(2000);
  const [file = '', ...args] = argvInside(gateway, [
    'dnsmasq',
    ...['--conf-file=/dev/null', '--keep-in-foreground', '--user=root', '--pid-file=', '--port=0'],
    ...['--bind-interfaces', '--enable-ra', `--dhcp-leasefile=/run/${port}.leases`],
    ...['--dhcp-option=option:T1,8', `--dhcp-option=option:dns-server,${four}.1`],
    ...[`--interface=${port}`, `--ra-param=${port},5,1800`],
    ...[`--dhcp-range=${four}.50,${four}.60,120`, `--dhcp-range=${six}:50,${six}:60,64,120`],
  ]);
  return spawn(file, args, { stdio: 'ignore', env: { PATH } });
}

/** The routes of both families are in the VRF's table and in no other, and packets take them. */
export async function assertLeased({ port, vrf, table, nets: [four, six] }: Leased): Promise<void> {
  // Of a table that is not there yet, `ip` says so, with an error.
  const routes = async (family: string, of: string) =>
    (await run(['ip', family, 'route', 'show', 'table', of, 'dev', port])).stdout;
  for (const [family, wanted] of [
    ['-4', `default via ${four}.1 proto dhcp`],
    ['-6', 'default via fe80::'],
  ] as const) {
    await waitFor(wanted, async () => (await routes(family, table)).includes(wanted));
    assert.doesNotMatch(await routes(family, 'main'), /default/);
  }
  for (const address of [`${four}.1`, `${six}:1`]) {
    const ping = await run(['ping', '-c', '1', '-W', '5', '-I', vrf, address]);
    assert.equal(ping.exitCode, 0, ping.stdout + ping.stderr);
  }
}

export async function waitFor(what: string, ready: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < 60; i++) {
    if (await ready()) return;
    await sleep(500);
  }
  const rows = await Promise.all(['-4', '-6'].map(one => must(['ip', one, 'route', 'show', 'table', 'all'])));
  assert.fail(`${what}: never; ${rows.join('\n')}`);
}
