// Leases of systemd-networkd on the port of a VRF.
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { must } from '../support/command.ts';
import { assertLeased, type Leased, skip, startRouter } from './vrf-lease-scene.ts';
import { VMNET } from './vrf-scene.ts';

const LEASED: Leased = { port: 'netd0', vrf: 'vrf0', table: '1011', nets: ['10.1.0', '2001:db8:10:'] };
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
  server = await startRouter(LEASED);
  await must(['systemctl', 'start', 'systemd-networkd'], { timeoutMs: 60_000 });
});

after(() => server?.kill());

test('VRF= in the file of the port', { skip }, async () => {
  await assertLeased(LEASED);
  writeFileSync('/etc/resolv.conf', 'nameserver 127.0.0.53\n');
  const said = await must([VMNET, 'vrf', 'dns', 'vrf0'], { timeoutMs: 60_000 });
  // Where systemd-resolved runs, networkd has told it.
  assert.match(said, /10\.1\.0\.1 \((the lease of|resolvectl dns) netd0\)/);
});
