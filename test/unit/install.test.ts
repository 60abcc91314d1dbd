// What make install puts where the callers look for it, and what it leaves alone.
import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { execa } from 'execa';

const root = join(import.meta.dirname, '../..');
const destdir = mkdtempSync(join(tmpdir(), 'vmnet-install-'));
after(() => rmSync(destdir, { recursive: true }));

const run = (goal: string) =>
  execa(join(root, 'bin/install'), [goal], { env: { DESTDIR: destdir }, all: true });
const at = (path: string) => join(destdir, path);

function files(): readonly string[] {
  return readdirSync(destdir, { recursive: true, withFileTypes: true })
    .filter(entry => !entry.isDirectory())
    .map(entry => join(entry.parentPath, entry.name).slice(destdir.length))
    .sort();
}

function put(path: string, text: string): void {
  mkdirSync(dirname(at(path)), { recursive: true });
  writeFileSync(at(path), text);
}

const FOREIGN = {
  '/etc/ganeti/kvm-vif-bridge': '#!/bin/sh\n',
  '/etc/ganeti/hooks/instance-add-pre.d/site': '',
  '/etc/dhcpcd.enter-hook': 'hostname x\n',
};

test('each hook has one link that its caller runs, and foreign files stay', async () => {
  for (const [path, text] of Object.entries(FOREIGN)) put(path, text);
  const { all } = await run('install');
  assert.match(all, /\/etc\/ganeti\/kvm-vif-bridge is not vmnet's and stays/);
  assert.match(all, /\/etc\/dhcpcd\.enter-hook stays as it is/);
  for (const [path, text] of Object.entries(FOREIGN)) assert.equal(readFileSync(at(path), 'utf8'), text);

  const hooks = files().filter(path => path.startsWith('/usr/local/lib/vmnet/hooks/'));
  assert.ok(hooks.length > 20);
  const links = files().filter(path => path.startsWith('/etc/') && !(path in FOREIGN));
  const targets = new Set(
    (await Promise.all(links.map(link => execa('readlink', [at(link)], { reject: false })))).map(
      ({ stdout }) => stdout,
    ),
  );
  for (const hook of hooks) {
    assert.equal(statSync(at(hook)).mode & 0o777, 0o755, hook);
    assert.ok(targets.has(hook) || hook.endsWith('/kvm-vif-bridge'), `nobody runs ${hook}`);
  }
  // run-parts and Ganeti pass over a name with a dot.
  const events = links.filter(path => path.startsWith('/etc/ganeti/hooks/'));
  for (const link of events) assert.match(basename(link), /^[a-zA-Z0-9_-]+$/);
});

test('DHCP clients find their hooks, each by names that it takes', () => {
  for (const kind of ['enter', 'exit']) {
    const hook = at(`/etc/dhcp/dhclient-${kind}-hooks.d/vmnet-vrf`);
    assert.doesNotMatch(readFileSync(hook, 'utf8'), /@VMNET@/);
  }
  assert.match(
    readFileSync(at('/etc/dhcpcd.enter-hook.dist'), 'utf8'),
    /\/usr\/local\/sbin\/vmnet vrf lease dhcpcd/,
  );
  for (const path of [
    '/etc/vmnet/udhcpc',
    '/etc/udhcpc/post-bound/vmnet-vrf',
    '/etc/udhcpc/post-renew/vmnet-vrf',
  ]) {
    assert.equal(statSync(at(path)).mode & 0o777, 0o755, path);
  }
});

test('again it changes nothing, and what an administrator has changed stays', async () => {
  const before = files();
  put('/etc/vmnet/vmnet.ini', '[vmnet]\n');
  await run('install');
  assert.deepEqual(files(), [...before, '/etc/vmnet/vmnet.ini.dist'].sort());
  assert.equal(readFileSync(at('/etc/vmnet/vmnet.ini'), 'utf8'), '[vmnet]\n');
});

test('every example is there to copy from', () => {
  const examples = readdirSync(join(root, 'etc/examples'));
  const installed = readdirSync(at('/usr/local/share/doc/vmnet/examples'));
  assert.ok(examples.length > 0);
  assert.deepEqual(installed.sort(), examples.sort());
});

test('each launcher names its Node and its program by their paths: Ganeti copies it to its nodes', () => {
  const launchers = files().filter(path => /^\/usr\/local\/lib\/vmnet\/(hooks\/|vmnet\.cjs)/.test(path));
  assert.ok(launchers.length > 20);
  for (const launcher of launchers) {
    const text = readFileSync(at(launcher), 'utf8');
    assert.ok(text.startsWith('#!/usr/local/lib/vmnet/node '), launcher);
    const [, program = ''] = /^const path = "(.*)";$/m.exec(text) ?? [];
    assert.match(program, /^\/usr\/local\/lib\/vmnet\/(hooks|vmnet)\.program$/);
    assert.ok(existsSync(at(program)), launcher);
  }
});

test('uninstall leaves what was there and the configuration', async () => {
  await run('uninstall');
  assert.deepEqual(files(), [...Object.keys(FOREIGN), '/etc/vmnet/vmnet.ini'].sort());
  assert.ok(!existsSync(at('/usr/local/lib/vmnet')));
});
