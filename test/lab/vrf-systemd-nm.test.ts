// Leases of NetworkManager on the port of a VRF.
import type { ChildProcess } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { must, run } from '../support/command.ts';
import { assertLeased, type Leased, skip, startRouter, waitFor } from './vrf-lease-scene.ts';

const LEASED: Leased = { port: 'nm0', vrf: 'vrfnm', table: '1012', nets: ['10.2.0', '2001:db8:20:'] };
const DIRECTORY = '/etc/NetworkManager';
/** All other links are somebody else's; of veths, udev says that nobody manages them. */
const CONF = `[main]
plugins=keyfile
dns=none
no-auto-default=*
[keyfile]
unmanaged-devices=*,except:interface-name:nm0,except:interface-name:vrfnm
[device-nm0]
match-device=interface-name:nm0
managed=1
`;
const PROFILES = {
  vrfnm: `[connection]
id=vrfnm
type=vrf
interface-name=vrfnm
[vrf]
table=1012
[ipv4]
method=disabled
[ipv6]
method=disabled
`,
  nm0: `[connection]
id=nm0
type=ethernet
interface-name=nm0
master=vrfnm
slave-type=vrf
[ipv4]
method=auto
[ipv6]
method=auto
addr-gen-mode=eui64
`,
};
let server: ChildProcess | undefined;

before(async () => {
  if (skip !== false) return;
  const profiles = `${DIRECTORY}/system-connections`;
  mkdirSync(profiles, { recursive: true });
  writeFileSync(`${DIRECTORY}/NetworkManager.conf`, CONF);
  for (const [name, text] of Object.entries(PROFILES))
    writeFileSync(`${profiles}/${name}.nmconnection`, text, { mode: 0o600 });
  server = await startRouter(LEASED);
  await must(['systemctl', 'start', 'NetworkManager'], { timeoutMs: 60_000 });
});

after(async () => {
  if (skip !== false) return;
  await run(['systemctl', 'stop', 'NetworkManager'], { timeoutMs: 60_000 });
  server?.kill();
});

test('a profile of the port that has the VRF for its master', { skip }, async () => {
  await assertLeased(LEASED);
  // Of two minutes, eight seconds are gone when it renews.
  const left = async () =>
    Number(/valid_lft (\d+)sec/.exec(await must(['ip', '-4', 'address', 'show', 'dev', 'nm0']))?.[1]);
  await waitFor('a lease that grows old', async () => (await left()) < 115);
  await waitFor('a renewed lease', async () => (await left()) >= 115);
  await assertLeased(LEASED);
});
