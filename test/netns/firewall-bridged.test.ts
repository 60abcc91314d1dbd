import { cpSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { buildDatacentre, type Datacentre, type Node } from '../support/datacentre.ts';
import { missingModule } from '../support/modules.ts';
import { bridgedNic, startVm, stopVm } from '../support/vm.ts';
import { ALL, is, PROFILES_AND_WHAT } from './profiles.ts';
import { listen, missingFor } from './programs.ts';
import { isClean, OUTSIDE, succeeded } from './steps.ts';

const skip = missingFor('socat');
const skipBridged = skip === false ? missingModule('nf_conntrack_bridge') : skip;
const PROFILES = join(import.meta.dirname, '../../etc/firewall.d');
let datacentre: Datacentre;
let node: Node;

before(async () => {
  if (skip !== false) return;
  const config = '[network lan]\nmode = bridged\nlink = br0\n';
  datacentre = await buildDatacentre({ program: 'dist', config });
  node = datacentre.node1;
  cpSync(PROFILES, join(dirname(node.configFile), 'firewall.d'), { recursive: true });
  await listen(datacentre.router, 22, 80);
});
after(() => datacentre?.close());

for (const [profile, expected] of PROFILES_AND_WHAT) {
  test(`bridged, ${profile}: ${JSON.stringify(expected)}, and outward everything`, {
    skip: profile === 'unprotected' ? skip : skipBridged,
  }, async () => {
    const guest = await startVm(datacentre, `lan-${profile}`, node, bridgedNic(20, 'tap9'));
    await listen(guest, 22, 80);
    const args = ['attach', 'tap9', '--network', 'lan', '--mac', guest.nic.mac, '--ip', guest.address];
    const tag = ['--ip', guest.address6, '--tag', `vmnet:network:*:${profile}`];
    try {
      succeeded(await node.vmnet([...args, ...tag]));
      await Promise.all([
        ...[guest.address, guest.address6].map(address => is(expected, datacentre.router, address)),
        ...OUTSIDE.map(address => is(ALL, guest, address)),
      ]);
      await isClean(node);
    } finally {
      await stopVm(guest);
    }
  });
}
