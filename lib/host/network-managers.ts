import { existsSync } from 'node:fs';
import type { Reporter } from '../run/ports.ts';
import { filesIn, read, systemctl } from './networkd-state.ts';

/** Says what of this host's own managers of its network may undo a VRF, where it is not vmnet's to keep them from it. */
export async function remarkManagers(
  report: Reporter,
  name: string,
  ports: readonly string[],
): Promise<void> {
  for (const remark of ports.flatMap(port => [...networkManager(port), ...ifupdown(port)]))
    report('warn', remark);
  if (existsSync('/run/systemd/system') && (await systemctl('is-enabled', 'vmnet-host.service')) !== 0)
    report('warn', `at the next boot nothing makes ${name} again: systemctl enable vmnet-host.service`);
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
