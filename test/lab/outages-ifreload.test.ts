// `ifreload -a` of ifupdown2, which has made the bond and the VLAN of the routed VMs.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { inside, type Place } from '../support/command.ts';
import { inOutageScene, outage } from './outage-scene.ts';

const PROGRAM = '/usr/share/ifupdown2/__main__.py';
const missing = existsSync(PROGRAM) ? undefined : 'needs ifupdown2, which test/lab/boot fetches';
const dir = mkdtempSync(join(tmpdir(), 'vmt-ifreload-'));
after(() => rmSync(dir, { recursive: true }));

const BOND = `
auto bond0
iface bond0
  address 10.9.9.1/24
  address 2001:db8:999::1/64
  gateway 10.9.9.254
  gateway 2001:db8:999::fe
  mtu 9000
  bond-mode active-backup
  bond-miimon 100
  bond-primary eno1
  bond-slaves eno1 eno2
`;
const VLAN = `
auto bond0.993
iface bond0.993
  mtu 1500
`;

/** It goes by the name that it is called by, and takes its files from /etc alone. */
const RUN = `
ln -sfn ${PROGRAM} "$0/$1"
mkdir -p /run/network "$0/state"
cp -r /etc/network/ifupdown2 "$0/"
sed -i "s|^ *state_dir *=.*|state_dir=$0/state|" "$0/ifupdown2/ifupdown2.conf"
mount -t tmpfs none /etc/network || exit 1
cp -r "$0/interfaces" "$0/ifupdown2" /etc/network/
exec /usr/bin/python3 "$0/$1" -a
`;

async function works(node: Place, command: 'ifup' | 'ifreload', interfaces: string): Promise<void> {
  writeFileSync(join(dir, 'interfaces'), interfaces);
  const argv = ['sh', '-c', RUN, dir, command];
  const { exitCode, stdout, stderr } = await inside(node, argv, { timeoutMs: 60_000 });
  assert.equal(exitCode, 0, `${command}: ${stdout}${stderr}`);
}

const scene = inOutageScene(({ node1 }) => works(node1, 'ifup', BOND + VLAN), missing);

outage(scene, 'ifreload -a', () => works(scene.datacentre.node1, 'ifreload', BOND + VLAN));

outage(scene, 'ifreload -a, which takes the VLAN of the routed VMs away', () =>
  works(scene.datacentre.node1, 'ifreload', BOND),
);
