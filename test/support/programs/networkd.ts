// A host of systemd-networkd's without one: `networkd.ts SCRIPT MEANT [SCRIPT]` runs the script where all that networkd
// has on the disk is empty. Then networkd is told of VRFs; with another SCRIPT, what it was told is read, that is run, and
// it is told that again.
// In place of VRFs there are bridges: what is told goes by masters, and not every kernel has VRFs.
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseHostSnapshot } from '../../../lib/core/source/host-snapshot.ts';
import { tellNetworkd, tellNetworkdAgain, toldNetworkd } from '../../../lib/host/networkd.ts';

const [script = '', meant = '', later = ''] = process.argv.slice(2);
const DIRECTORY = '/etc/systemd/network';

// systemd-networkd writes its files about links when it starts.
const SYSTEMCTL = `#!/bin/sh
case $1 in
  is-active) [ -e /run/active ] ;;
  restart) sleep 0.02; touch -c /run/systemd/netif/links/* ;;
esac
`;
const SCENE = `set -e
mount -t sysfs sysfs /sys
mount -t tmpfs tmpfs /run
mkdir -p /run/over /run/work /run/systemd/netif/links
mount -t overlay overlay -o lowerdir=/etc,upperdir=/run/over,workdir=/run/work /etc
rm -rf /etc/systemd/network /etc/systemd/networkd.conf.d
mkdir -p ${DIRECTORY}
mount -t tmpfs tmpfs /usr/local/sbin
cat >/usr/local/sbin/systemctl
chmod +x /usr/local/sbin/systemctl
# manages PORT FILE: networkd has a file for it, and is through with it.
manages() { printf 'ADMIN_STATE=configured\\nNETWORK_FILE=%s\\n' "$2" >/run/systemd/netif/links/$(cat /sys/class/net/$1/ifindex); }
`;

const said: string[] = [];
const report = (level: string, text: string) => said.push(`${level}: ${text}`);
execFileSync('sh', ['-c', SCENE + script], { input: SYSTEMCTL, stdio: ['pipe', 2, 2] });
if (later === '') await tellNetworkd(report, JSON.parse(meant), []);
else {
  const networkd = toldNetworkd();
  const snapshot = JSON.stringify({ version: 1, was: [], wanted: [], names: [], live: [], networkd });
  execFileSync('sh', ['-c', later], { stdio: ['ignore', 2, 2] });
  await tellNetworkdAgain(report, parseHostSnapshot(snapshot, '').networkd ?? [], []);
}
const paths = readdirSync(DIRECTORY, { recursive: true, withFileTypes: true })
  .filter(entry => entry.isFile())
  .map(entry => join(entry.parentPath, entry.name));
const ask = (family: string) =>
  execFileSync('ip', [family, 'route', 'show', 'table', 'all'], { encoding: 'utf8' });
console.log(
  JSON.stringify({
    said,
    files: Object.fromEntries(
      paths.map(path => [path.slice(DIRECTORY.length + 1), readFileSync(path, 'utf8')]),
    ),
    routes: `${ask('-4')}${ask('-6')}`,
  }),
);
