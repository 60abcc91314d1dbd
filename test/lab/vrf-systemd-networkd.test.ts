// Leases of systemd-networkd on the port of a VRF.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { argvInside, ipBatch, must, PATH, type Place, run, writeSysctl } from '../support/command.ts';
import { VMNET } from './vrf-scene.ts';

const alone = process.env.VMNET_LAB !== undefined && existsSync('/run/systemd/system');
const skip = alone ? false : 'needs a machine of its own with systemd; make lab has one';
const gateway: Place = { ns: 'gwn' };
const FILES = {
  'netd0.netdev': '[NetDev]\nName=vrf0\nKind=vrf\n[VRF]\nTable=1011\n',
  'netd0.network': '[Match]\nName=netd0\n[Network]\nDHCP=yes\nVRF=vrf0\n',
  // Without a file of its own the VRF stays down.
  'vrf0.network': '[Match]\nName=vrf0\n[Network]\nLinkLocalAddressing=no\n',
};
let server: ChildProcess | undefined;

before(async () => {
  if (skip !== false) return;
  mkdirSync('/etc/systemd/network', { recursive: true });
  for (const [name, text] of Object.entries(FILES)) writeFileSync(`/etc/systemd/network/${name}`, text);
  await must(['ip', 'netns', 'add', gateway.ns]);
  await must('ip link add netd0 type veth peer name netd0 netns gwn'.split(' '));
  await ipBatch(gateway, [
    'link set netd0 up',
    'address add 10.1.0.1/24 dev netd0',
    'address add 2001:db8:10::1/64 dev netd0 nodad',
  ]);
  await writeSysctl(gateway, '1', 'net/ipv6/conf/all/forwarding');
  // A router advertisement comes from a link-local address, which is tentative for a second.
  await sleep(2000);
  const [file = '', ...args] = argvInside(gateway, [
    'dnsmasq',
    ...['--conf-file=/dev/null', '--keep-in-foreground', '--user=root', '--pid-file=', '--port=0'],
    ...['--bind-interfaces', '--enable-ra', '--dhcp-leasefile=/run/netd.leases', '--dhcp-option=option:T1,8'],
    ...['--interface=netd0', '--ra-param=netd0,5,1800', '--dhcp-option=option:dns-server,10.1.0.1'],
    ...['--dhcp-range=10.1.0.50,10.1.0.60,120', '--dhcp-range=2001:db8:10::50,2001:db8:10::60,64,120'],
  ]);
  server = spawn(file, args, { stdio: 'ignore', env: { PATH } });
  await must(['systemctl', 'start', 'systemd-networkd'], { timeoutMs: 60_000 });
});

after(() => server?.kill());

async function waitFor(what: string, ready: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < 60; i++) {
    if (await ready()) return;
    await sleep(500);
  }
  const rows = await Promise.all(['-4', '-6'].map(one => must(['ip', one, 'route', 'show', 'table', 'all'])));
  assert.fail(`${what}: never; ${rows.join('\n')}`);
}

test('VRF= in the file of the port', { skip }, async () => {
  const routes = (family: string, table: string) =>
    must(['ip', family, 'route', 'show', 'table', table, 'dev', 'netd0']);
  for (const [family, wanted] of [
    ['-4', 'default via 10.1.0.1 proto dhcp'],
    ['-6', 'default via fe80::'],
  ] as const) {
    await waitFor(wanted, async () => (await routes(family, '1011')).includes(wanted));
    assert.doesNotMatch(await routes(family, 'main'), /default/);
  }
  for (const address of ['10.1.0.1', '2001:db8:10::1']) {
    const ping = await run(['ping', '-c', '1', '-W', '5', '-I', 'vrf0', address]);
    assert.equal(ping.exitCode, 0, ping.stdout + ping.stderr);
  }
  writeFileSync('/etc/resolv.conf', 'nameserver 127.0.0.53\n');
  const said = await must([VMNET, 'vrf', 'dns', 'vrf0'], { timeoutMs: 60_000 });
  // Where systemd-resolved runs, networkd has told it.
  assert.match(said, /10\.1\.0\.1 \((the lease of|resolvectl dns) netd0\)/);
});
