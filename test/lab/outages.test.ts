// What a network and its neighbours do to a node: carriers go, a bond changes over, rules and sysctls are reset.
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { succeeded } from '../netns/steps.ts';
import { inside, ip, ipBatch } from '../support/command.ts';
import { inOutageScene, outage } from './outage-scene.ts';

const scene = inOutageScene();
const ports = (state: string) =>
  ipBatch(scene.datacentre.segments, [`link set t1 ${state}`, `link set t2 ${state}`]);

outage(scene, 'carrier loss on both ports', async () => {
  await ports('down');
  await sleep(500);
  await ports('up');
});

outage(scene, 'a bond that changes over, and back', async () => {
  for (const state of ['down', 'up']) {
    await ip(scene.datacentre.segments, 'link', 'set', 't1', state);
    await sleep(1000);
  }
});

outage(scene, 'nft flush ruleset', async () => {
  succeeded(await inside(scene.datacentre.node1, ['nft', 'flush', 'ruleset']));
});

/** All directories that it reads are this test's own, in the mount namespace of the command. */
const SYSCTL = `
for dir in /etc/sysctl.d /usr/lib/sysctl.d /run/sysctl.d; do
  [ ! -d "$dir" ] || mount -t tmpfs none "$dir" || exit 1
done
cat >/etc/sysctl.d/99-local.conf <<END
net.ipv4.ip_forward = 0
net.ipv4.conf.default.rp_filter = 2
net/ipv4/conf/bond0.993/proxy_arp = 1
net/ipv4/conf/bond0.993/arp_ignore = 0
net/ipv4/conf/tap0/proxy_arp = 0
net/ipv6/conf/tap0/proxy_ndp = 0
net/ipv6/conf/vlan992/disable_ipv6 = 0
END
exec sysctl --system
`;

outage(scene, 'sysctl --system', async () => {
  const told = await inside(scene.datacentre.node1, ['sh', '-c', SYSCTL]);
  assert.match(told.stdout, /bond0.993.proxy_arp = 1/, told.stderr);
});

outage(scene, 'the VLAN of the routed VMs is deleted', () =>
  ip(scene.datacentre.node1, 'link', 'del', 'bond0.993'),
);
