// systemd-networkd has made the bond and the VLAN of the routed VMs, and starts anew: what it takes for foreign is back.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { after } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { argvInside, inside, PATH, type Place } from '../support/command.ts';
import { inOutageScene, outage } from './outage-scene.ts';

const NETWORKD = '/lib/systemd/systemd-networkd';
const missing = existsSync(NETWORKD) ? undefined : 'needs systemd-networkd';

/**
 * In a mount namespace of its own, with no other files than these. It asks udev about each link unless /sys is read-only,
 * and drops the capabilities that it does not need, but wants its directories.
 */
const START = `
mkdir -p /run/systemd
mount -t tmpfs none /run/systemd || exit 1
mount -o remount,bind,ro /sys || exit 1
mkdir -p /run/systemd/network /run/systemd/netif/links /run/systemd/netif/leases /run/systemd/netif/lldp
chown -R systemd-network: /run/systemd/netif
for dir in /etc/systemd/network /usr/lib/systemd/network; do
  [ ! -d "$dir" ] || mount -t tmpfs none "$dir" || exit 1
done
cd /run/systemd/network
cat >bond0.netdev <<END
[NetDev]
Name=bond0
Kind=bond
MTUBytes=9000
[Bond]
Mode=active-backup
MIIMonitorSec=0.1
END
cat >vlan.netdev <<END
[NetDev]
Name=bond0.993
Kind=vlan
MTUBytes=1500
[VLAN]
Id=993
END
cat >eno1.network <<END
[Match]
Name=eno1
[Network]
Bond=bond0
PrimarySlave=yes
END
cat >eno2.network <<END
[Match]
Name=eno2
[Network]
Bond=bond0
END
cat >bond0.network <<END
[Match]
Name=bond0
[Link]
MTUBytes=9000
[Network]
VLAN=bond0.993
Address=10.9.9.1/24
Address=2001:db8:999::1/64
Gateway=10.9.9.254
Gateway=2001:db8:999::fe
IPv6AcceptRA=no
END
cat >vlan.network <<END
[Match]
Name=bond0.993
[Network]
IPv6AcceptRA=no
END
exec ${NETWORKD}
`;

let networkd: ChildProcess | undefined;

/** Ends when it says of bond0 and of bond0.993 that it is done with them. */
async function start(node: Place): Promise<void> {
  const [file = '', ...args] = argvInside(node, ['sh', '-c', START]);
  const child = spawn(file, args, { stdio: ['ignore', 'ignore', 'pipe'], env: { PATH } });
  networkd = child;
  let said = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  const states = `for link in bond0 bond0.993; do
    read -r index </sys/class/net/$link/ifindex && grep ADMIN_STATE /proc/${child.pid}/root/run/systemd/netif/links/$index
  done`;
  for (const end = Date.now() + 30_000; Date.now() < end; await sleep(300)) {
    const { stdout } = await inside(node, ['sh', '-c', states]);
    if (stdout.match(/=configured/g)?.length === 2) return;
  }
  assert.fail(`networkd: ${said}`);
}

async function stop(): Promise<void> {
  const child = networkd;
  if (child === undefined || child.exitCode !== null) return;
  const ended = new Promise(resolve => child.once('exit', resolve));
  child.kill();
  await ended;
}

const scene = inOutageScene(({ node1 }) => start(node1), missing);
after(stop);

outage(scene, 'systemd-networkd starts anew', async () => {
  await stop();
  await start(scene.datacentre.node1);
});
