// `ifreload -a` of the real ifupdown2, which knows the bond and its ports, and neither the VLANs nor the NICs above them.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { inside, type Place } from '../support/command.ts';
import { inOutageScene, outage } from './outage-scene.ts';

const missing = existsSync('/sbin/ifreload') ? undefined : 'needs ifupdown2; test/lab/boot fetches it';
const dir = mkdtempSync(join(tmpdir(), 'vmt-ifreload-'));
after(() => rmSync(dir, { recursive: true }));

const interfaces = (mtu: number) => `
auto eno1
iface eno1

auto eno2
iface eno2

auto bond0
iface bond0
  address 10.9.9.1/24
  address 2001:db8:999::1/64
  gateway 10.9.9.254
  gateway 2001:db8:999::fe
  bond-slaves eno1 eno2
  bond-mode active-backup
  bond-primary eno1
  bond-miimon 100
  mtu ${mtu}
`;

/** It reads one file alone, which is this test's own in the mount namespace of the command. */
async function reload(node: Place, mtu: number): Promise<void> {
  const file = join(dir, 'interfaces');
  writeFileSync(file, interfaces(mtu));
  const script = `mkdir -p /run/network && touch /etc/network/interfaces && mount --bind ${file} /etc/network/interfaces && exec ifreload -a`;
  const { exitCode, stdout, stderr } = await inside(node, ['sh', '-c', script], { timeoutMs: 120_000 });
  assert.equal(exitCode, 0, stdout + stderr);
}

/** The node as its administrators have built it so far: vmnet takes what stands, and makes the rest. */
const scene = inOutageScene(({ node1 }) => reload(node1, 9000), missing);

outage(scene, 'ifreload -a, with nothing to change', () => reload(scene.datacentre.node1, 9000));

outage(scene, 'ifreload -a with another MTU, and back', async () => {
  await reload(scene.datacentre.node1, 1500);
  await reload(scene.datacentre.node1, 9000);
});
