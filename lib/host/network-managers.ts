import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { LEAVE_FOREIGN_ALONE, leavesForeignAlone } from '../core/source/networkd-conf.ts';
import type { Reporter } from '../run/ports.ts';
import { start } from './exec.ts';

const SYSTEMD_MS = 30_000;
const DROP_IN = '/etc/systemd/networkd.conf.d/vmnet.conf';

/** Keeps this host's own managers of its network from undoing a VRF; where that is not vmnet's to do, it is said. */
export async function preventUndoing(
  report: Reporter,
  name: string,
  ports: readonly string[],
): Promise<void> {
  await tellNetworkd(report);
  for (const remark of ports.flatMap(port => [...networkManager(port), ...ifupdown(port)]))
    report('warn', remark);
  if (existsSync('/run/systemd/system') && (await systemctl('is-enabled', 'vmnet-host.service')) !== 0)
    report('warn', `at the next boot nothing makes ${name} again: systemctl enable vmnet-host.service`);
}

/** It reads its switches only when it starts, and what it finds then that is not its own it deletes. */
async function tellNetworkd(report: Reporter): Promise<void> {
  if (!existsSync('/run/systemd/netif') || leavesForeignAlone(networkdTexts())) return;
  if ((await systemctl('is-active', 'systemd-networkd.service')) !== 0) return;
  mkdirSync(join(DROP_IN, '..'), { recursive: true });
  writeFileSync(DROP_IN, LEAVE_FOREIGN_ALONE, { mode: 0o644 });
  const code = await systemctl('restart', 'systemd-networkd.service');
  if (code === 0) report('info', `${DROP_IN} has systemd-networkd leave the rules and routes of VRFs alone`);
  else
    report(
      'warn',
      `${DROP_IN} is written: systemctl restart systemd-networkd, which has failed, makes it count`,
    );
}

/** As systemd reads them: drop-ins by name, whichever directory they are in. */
function networkdTexts(): readonly string[] {
  const files = ['/usr/lib', '/run', '/etc'].flatMap(root => filesIn(`${root}/systemd/networkd.conf.d`));
  const sorted = new Map(files.map(file => [basename(file), file]));
  const dropIns = [...sorted].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, file]) => file);
  return ['/etc/systemd/networkd.conf', ...dropIns].map(read);
}

/** One that NetworkManager has let go of says so in its file. */
function networkManager(port: string): readonly string[] {
  const index = read(`/sys/class/net/${port}/ifindex`).trim();
  const state = index === '' ? '' : read(`/run/NetworkManager/devices/${index}`);
  if (!/^managed=true$/m.test(state)) return [];
  return [
    `NetworkManager manages ${port} and may take it out of the VRF: give it a profile with the VRF as its controller, or unmanaged-devices=interface-name:${port} in NetworkManager.conf`,
  ];
}

function ifupdown(port: string): readonly string[] {
  const files = ['/etc/network/interfaces', ...filesIn('/etc/network/interfaces.d')];
  const file = files.find(one =>
    read(one)
      .split('\n')
      .some(line => line.trim().startsWith(`iface ${port} `)),
  );
  if (file === undefined) return [];
  return [
    `${file} describes ${port}: after ifup or ifdown of it, vmnet host up brings its routes into the VRF again`,
  ];
}

async function systemctl(...words: readonly string[]): Promise<number> {
  const ended = start('systemctl', words).finish('', SYSTEMD_MS);
  return ended.then(({ code }) => code).catch(() => 1);
}

function filesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory).map(name => join(directory, name));
  } catch {
    return [];
  }
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
