// Ports of VRFs that systemd-networkd manages: leases, and a router where there must be none.
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { type CommandResult, must, run } from '../support/command.ts';
import { assertLeased, type Leased, skip, startRouter, waitFor } from './vrf-lease-scene.ts';
import { VMNET } from './vrf-scene.ts';

const LEASED: Leased = { port: 'netd0', vrf: 'vrf0', table: '1011', nets: ['10.1.0', '2001:db8:10:'] };
const FILES = {
  'netd0.netdev': '[NetDev]\nName=vrf0\nKind=vrf\n[VRF]\nTable=1011\n',
  'netd0.network': '[Match]\nName=netd0\n[Network]\nDHCP=yes\nVRF=vrf0\n',
  // Without a file of its own the VRF stays down.
  'vrf0.network': '[Match]\nName=vrf0\n[Network]\nLinkLocalAddressing=no\n',
};
const LAN = '/etc/systemd/network/lan0.network';
const ADDRESSES = `[Match]
Name=lan0
[Network]
Address=10.3.0.2/24
Address=2001:db8:30::2/64
IPv6AcceptRA=no
`;
const ROUTERS = 'Gateway=10.3.0.1\nGateway=2001:db8:30::1\n';
let server: ChildProcess | undefined;

before(async () => {
  if (skip !== false) return;
  mkdirSync('/etc/systemd/network', { recursive: true });
  for (const [name, text] of Object.entries(FILES)) writeFileSync(`/etc/systemd/network/${name}`, text);
  writeFileSync(LAN, ADDRESSES + ROUTERS);
  writeFileSync('/run/lan.ini', '[vrf lan]\ntable = 1013\nports = lan0\nscope = lan\n');
  await must('ip link add lan0 type veth peer name lan1'.split(' '));
  await must('ip link set lan1 up'.split(' '));
  server = await startRouter(LEASED);
  await must(['systemctl', 'start', 'systemd-networkd'], { timeoutMs: 60_000 });
});

after(async () => {
  server?.kill();
  if (skip !== false) return;
  await run(['ip', 'link', 'delete', 'lan0']);
});

test('VRF= in the file of the port', { skip }, async () => {
  await assertLeased(LEASED);
  writeFileSync('/etc/resolv.conf', 'nameserver 127.0.0.53\n');
  const said = await must([VMNET, 'vrf', 'dns', 'vrf0'], { timeoutMs: 60_000 });
  // Where systemd-resolved runs, networkd has told it.
  assert.match(said, /10\.1\.0\.1 \((the lease of|resolvectl dns) netd0\)/);
});

/** Not by vrf up: sockets outside would be in the way of those in VRFs then, and other files share the machine. */
function change(way: 'up' | 'down'): Promise<CommandResult> {
  return run([VMNET, '--config', '/run/lan.ini', 'host', way], { timeoutMs: 90_000 });
}

/** Of lan0, in its table and in main. */
async function routes(): Promise<string> {
  const shown = ['-4', '-6'].flatMap(family =>
    ['main', '1013'].map(table => run(['ip', family, 'route', 'show', 'table', table, 'dev', 'lan0'])),
  );
  return (await Promise.all(shown)).map(({ stdout }) => stdout).join('');
}

test('scope = lan, and the file of the port has a router', { skip }, async () => {
  await waitFor('both routers', async () => (await routes()).match(/^default/gm)?.length === 2);
  const before = await routes();
  const refused = await change('up');
  assert.equal(refused.exitCode, 78, refused.stderr);
  assert.ok(refused.stderr.includes(LAN), refused.stderr);
  assert.equal(await routes(), before);
  assert.equal((await run(['ip', 'link', 'show', 'lan'])).exitCode, 1);

  writeFileSync(LAN, ADDRESSES);
  await must(['networkctl', 'reload'], { timeoutMs: 30_000 });
  const made = await change('up');
  assert.equal(made.exitCode, 0, made.stderr);
  await must(['systemctl', 'restart', 'systemd-networkd'], { timeoutMs: 60_000 });
  await waitFor(
    'the subnets',
    async () => (await routes()).match(/^(10\.3\.0\.0|2001:db8:30::)/gm)?.length === 2,
  );
  assert.doesNotMatch(await routes(), /^default/m);

  // Who boots must come up whatever was written since.
  writeFileSync(LAN, ADDRESSES + ROUTERS);
  const again = await change('up');
  assert.equal(again.exitCode, 0, again.stderr);
  assert.ok(again.stderr.includes(LAN), again.stderr);

  const down = await change('down');
  assert.equal(down.exitCode, 0, down.stderr);
  await waitFor('both routers again', async () => (await routes()) === before);
  assert.deepEqual(
    readdirSync('/etc/systemd/network').filter(name => /vmnet|lan0\.network\.d/.test(name)),
    [],
  );
});
