// `ifdown bond0; ifup bond0`, by the real programs: the bond goes, with its VLANs, their routes and their proxies.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { inside, type Place } from '../support/command.ts';
import { inOutageScene, outage } from './outage-scene.ts';

const missing = ['/sbin/ifup', '/etc/network/if-pre-up.d/ifenslave'].every(file => existsSync(file))
  ? undefined
  : 'needs ifupdown and ifenslave; bin/setup lab installs them';
const dir = mkdtempSync(join(tmpdir(), 'vmt-ifupdown-'));
after(() => rmSync(dir, { recursive: true }));

const INTERFACES = `
iface bond0 inet static
  address 10.9.9.1
  netmask 255.255.255.0
  gateway 10.9.9.254
  mtu 9000
  bond-mode active-backup
  bond-miimon 100
  bond-primary eno1
  bond-slaves eno1 eno2

iface bond0 inet6 static
  address 2001:db8:999::1
  netmask 64
  gateway 2001:db8:999::fe
  dad-attempts 0
`;

const run = (node: Place, command: 'ifup' | 'ifdown', ...more: readonly string[]) =>
  inside(node, [command, '-i', join(dir, 'interfaces'), '--state-dir', dir, ...more, 'bond0'], {
    timeoutMs: 60_000,
  });

async function works(node: Place, command: 'ifup' | 'ifdown'): Promise<void> {
  const { exitCode, stdout, stderr } = await run(node, command);
  assert.equal(exitCode, 0, `${command}: ${stdout}${stderr}`);
}

/** The node as its administrators have built it so far: vmnet takes what stands, and makes the rest. */
const scene = inOutageScene(async ({ node1 }) => {
  writeFileSync(join(dir, 'interfaces'), INTERFACES);
  await works(node1, 'ifup');
}, missing);

outage(scene, 'ifdown bond0; ifup bond0', async () => {
  const where = `-i ${join(dir, 'interfaces')} --state-dir ${dir} bond0`;
  const script = `ifdown ${where} && ifup ${where}`;
  const { exitCode, stdout, stderr } = await inside(scene.datacentre.node1, ['sh', '-c', script], {
    timeoutMs: 120_000,
  });
  assert.equal(exitCode, 0, stdout + stderr);
});

outage(scene, 'ifdown bond0, and ifup when the watch has long put it back', async () => {
  const { node1 } = scene.datacentre;
  await works(node1, 'ifdown');
  await sleep(4000);
  // It finds its address there, and says so.
  await run(node1, 'ifup', '--force', '--ignore-errors');
});
