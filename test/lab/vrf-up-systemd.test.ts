// A host of systemd's gets a management VRF over SSH, and is booted: real networkd, resolved, sshd, and apt's way to fetch.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { must, run } from '../support/command.ts';
import { boot, bootAgain } from './boots.ts';
import {
  buildMachine,
  defaultsOf,
  HOST,
  hasOwnMachine,
  KEPT,
  lookUp,
  openShell,
  overSsh,
  put,
  type Shell,
  startMachine,
  until,
  vmnet,
  WORLD,
} from './vrf-boots-scene.ts';
import { INSIDE, OUTSIDE, VMNET } from './vrf-scene.ts';

const FILE = 'lab/vrf-up-systemd';
const skip = hasOwnMachine ? false : 'needs a machine of its own with systemd; make lab has one';
const INI = '[vrf mgmt]\nports = eth0\nservices = ssh\n';
const EXEC = [VMNET, 'vrf', 'exec', 'mgmt', '--'];

// Others use the first boot at the same time.
if (boot === 1) {
  test('boots of its own', { skip }, async () => {
    await buildMachine('/run/next-boot');
    await bootAgain(FILE, KEPT, '/run/next-boot');
  });
}

async function assertInVrf(): Promise<void> {
  assert.deepEqual(await defaultsOf(4, 'main'), ['10.8.0.1 eth1']);
  assert.deepEqual(await defaultsOf(6, 'main'), ['2001:db8:8::1 eth1']);
  assert.deepEqual(await defaultsOf(4, '1001'), ['10.0.0.1 eth0']);
  // A copy that the way back has brought stays as long as the advertisement that it is of.
  assert.deepEqual([...new Set(await defaultsOf(6, '1001'))], ['fe80 eth0']);
  assert.match(await vmnet('host', 'check'), /no drift/);
}

if (boot === 2) {
  let session: Shell | undefined;

  before(async () => {
    put('/etc/vmnet/vmnet.ini', INI);
    await startMachine();
    await until('leases', async () => {
      const defaults = await Promise.all([defaultsOf(4, 'main'), defaultsOf(6, 'main')]);
      return defaults.every(routes => routes.length === 2);
    });
    session = openShell(HOST[0]);
  });
  after(() => session?.end());

  test('a wrong gateway cuts the session off, until systemd has it undone', async () => {
    put('/etc/vmnet/vmnet.ini', `${INI}gateway = 10.0.0.99\ngateway6 = 2001:db8::99\n`);
    const before = await Promise.all([defaultsOf(4, 'main'), defaultsOf(6, 'main')]);
    // Its answer waits in TCP for the way back.
    const answer = session?.say(`${VMNET} vrf up mgmt --confirm 20`, 240_000);
    await until('the VRF', async () => (await defaultsOf(4, '1001')).includes('10.0.0.99 eth0'), 60_000);
    assert.match(await must(['systemctl', 'list-timers', '--no-legend']), /vmnet-rollback-/);
    await until('the way back', async () => !existsSync('/sys/class/net/mgmt'), 120_000);
    const said = (await answer) ?? '';
    assert.match(said, /^mgmt: \d+ changes/m);
    assert.doesNotMatch(said, /lacks/);
    await until('all routes again', async () =>
      isDeepStrictEqual(await Promise.all([defaultsOf(4, 'main'), defaultsOf(6, 'main')]), before),
    );
    // Links are back before networkd knows: only then can it be forgotten.
    const forgets = () => run([VMNET, 'confirm', '--force'], { timeoutMs: 60_000 });
    await until('the end of the way back', async () => (await forgets()).exitCode === 0, 120_000);
    put('/etc/vmnet/vmnet.ini', INI);
  });

  test('the session that makes the VRF goes on, and a new one confirms it', async () => {
    const said = await session?.say(`${VMNET} vrf up mgmt --confirm 600`, 120_000);
    assert.match(said ?? '', /^mgmt: \d+ changes/m);
    assert.match((await session?.say('echo still here')) ?? '', /^still here$/m);
    assert.match((await session?.say(`${VMNET} vrf confirm`)) ?? '', /new connection|over the connection/);
    assert.match(await overSsh(HOST[1], `${VMNET} vrf confirm`), /^confirmed$/m);
    await assertInVrf();
  });

  test('names inside and outside, and what apt fetches by name through the VRF', async () => {
    await must(['systemctl', 'start', 'vmnet-dns@mgmt'], { timeoutMs: 60_000 });
    await until('a name inside', async () => (await lookUp(...EXEC)) === INSIDE);
    assert.equal(await lookUp(), OUTSIDE);
    const fetch = ['/usr/lib/apt/apt-helper', '-o', 'APT::Sandbox::User=root', 'download-file'];
    for (const [index, host] of ['repository.test', `[${WORLD[1]}]`].entries())
      await must([...EXEC, ...fetch, `http://${host}/Release`, `/run/fetched-${index}`], {
        timeoutMs: 60_000,
      });
  });

  test('reload, restart and reconfigure of networkd take nothing away', async () => {
    await must(['networkctl', 'reload']);
    for (const words of ['systemctl restart systemd-networkd', 'networkctl reconfigure eth0']) {
      await must(words.split(' '), { timeoutMs: 60_000 });
      // A networkd that is told more before it has its lease may end without (systemd 252).
      await until(`all routes again after ${words}`, async () => {
        const defaults = await Promise.all([defaultsOf(4, '1001'), defaultsOf(6, '1001')]);
        return defaults.every(routes => routes.length > 0);
      });
    }
    await until('a lease again', async () => (await run([VMNET, 'host', 'check'])).exitCode === 0);
    await assertInVrf();
    assert.equal(await lookUp(...EXEC), INSIDE);
    assert.match((await session?.say('echo still here')) ?? '', /^still here$/m);
    await vmnet('vrf', 'services', 'mgmt', '--apply');
    await must(['systemctl', 'enable', 'vmnet-host', 'vmnet-dns@mgmt'], { timeoutMs: 60_000 });
    await bootAgain(FILE, KEPT);
  });
}

if (boot === 3) {
  test('at boot the VRF is there before sshd, which listens in it', async () => {
    const moments = await must([
      'systemctl',
      'show',
      '-p',
      'Result,ActiveState,ActiveEnterTimestampMonotonic,ExecMainStartTimestampMonotonic',
      'vmnet-host',
      'ssh',
    ]);
    const [made = {}, sshd = {}] = moments
      .trim()
      .split('\n\n')
      .map(text => Object.fromEntries(text.split('\n').map(line => line.split('='))));
    assert.equal(made.Result, 'success', moments);
    assert.equal(made.ActiveState, 'active', moments);
    assert.ok(
      Number(made.ActiveEnterTimestampMonotonic) < Number(sshd.ExecMainStartTimestampMonotonic),
      moments,
    );
    await until('leases', async () => (await run([VMNET, 'host', 'check'])).exitCode === 0);
    await until('routes', async () => (await defaultsOf(6, '1001')).length > 0);
    await assertInVrf();
    assert.equal((await must(['sysctl', '-n', 'net.ipv4.tcp_l3mdev_accept'])).trim(), '0');
    for (const host of HOST) assert.match(await overSsh(host, 'echo here'), /^here$/m);
  });

  test('what nobody has confirmed before a boot', async () => {
    put('/etc/vmnet/vmnet.ini', `${INI}[vrf blue]\ntable = 1002\nports = eth1\n`);
    await vmnet('vrf', 'up', 'blue', '--confirm', '3600');
    assert.deepEqual(await defaultsOf(4, '1002'), ['10.8.0.1 eth1']);
    assert.deepEqual(await defaultsOf(6, '1002'), ['2001:db8:8::1 eth1']);
    await bootAgain(FILE, KEPT);
  });
}

if (boot === 4) {
  test('is not there after it, and what was confirmed is', async () => {
    const { stdout } = await run(['systemctl', 'show', '-p', 'Result,ExecMainStatus', 'vmnet-host']);
    assert.match(stdout, /^Result=exit-code$/m);
    assert.equal(existsSync('/sys/class/net/blue'), false);
    await until('routes', async () => (await defaultsOf(6, '1001')).length > 0);
    await until('routes', async () => (await defaultsOf(6, 'main')).length === 1);
    put('/etc/vmnet/vmnet.ini', INI);
    await vmnet('vrf', 'confirm', '--force');
    await vmnet('host', 'up');
    await assertInVrf();
    for (const host of HOST) assert.match(await overSsh(host, 'echo here'), /^here$/m);
  });

  test('sshd by its socket unit gets one more in the VRF, which needs nothing of an early boot', async () => {
    await must(['systemctl', 'disable', '--now', 'ssh.service'], { timeoutMs: 60_000 });
    await must(['systemctl', 'enable', '--now', 'ssh.socket'], { timeoutMs: 60_000 });
    await vmnet('vrf', 'services', 'mgmt', '--apply');
    const unit = 'vmnet-ssh-mgmt.socket';
    await must(['systemctl', 'daemon-reload'], { timeoutMs: 60_000 });
    await must(['systemctl', 'enable', '--now', unit], { timeoutMs: 60_000 });
    assert.doesNotMatch(await must(['systemctl', 'show', '-p', 'Before', unit]), /sockets\.target/);
    assert.match(await must(['ss', '-Hltn']), /%mgmt:22\b/);
    for (const host of HOST) assert.match(await overSsh(host, 'echo here'), /^here$/m);
  });
}
