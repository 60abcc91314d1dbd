import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { VmnetError } from '../core/errors.ts';
import type { Ifname } from '../core/model/ifname.ts';
import { cgroupMount, unifiedPath } from '../core/vrf/cgroup.ts';
import { readSockets, vrfOfConnection } from '../core/vrf/sockets.ts';
import { vrfsOf } from '../core/vrf/world.ts';
import { tryVrf } from './vrf-exec.ts';
import { BIND_PROGRAM } from './vrf-program.ts';
import { netnsName, outputOf, readProc, readVrf, readVrfWorld } from './vrf-world.ts';

/** The VRF by which the connection of a process came in; none for a login at the console. */
export async function vrfOfLogin(pid: number): Promise<Ifname | undefined> {
  const [world, text] = await Promise.all([readVrfWorld(), outputOf('ss', ['-Htnp'])]);
  const vrfs = vrfsOf(world);
  const name = vrfOfConnection(
    readSockets(text),
    pid,
    vrfs.map(vrf => vrf.name),
  );
  return vrfs.find(vrf => vrf.name === name)?.name;
}

/** Puts a process, and so what it will start, into the VRF; it has to be in the cgroup that this one is in. */
export async function enterVrf(name: Ifname, pid: number): Promise<void> {
  const base = unifiedPath(readProc('self', 'cgroup'))?.replace(/\/vrf\/.*$/, '');
  // Makes the cgroup .../vrf/NAME below that of this process.
  tryVrf(name);
  const netns = await netnsName();
  const inner = netns === undefined || base?.endsWith(`/${netns}-ns`) ? '' : `${netns}-ns`;
  const path = join(cgroupRoot(), base ?? '', inner, 'vrf', name, 'cgroup.procs');
  try {
    writeFileSync(path, String(pid));
  } catch (cause) {
    throw new VmnetError('kernel', `process ${pid} cannot be put into ${name} (${String(cause)})`, { cause });
  }
}

/** The number of bpf(), which libc has no function for. */
const BPF: Readonly<Record<string, number>> = {
  x64: 321,
  arm64: 280,
  riscv64: 280,
  loong64: 280,
  s390x: 351,
  ppc64: 361,
  arm: 386,
  ia32: 357,
};

/** Binds all sockets that this unit of systemd makes from now on; its own program starts after this one. */
export async function bindUnit(name: Ifname): Promise<void> {
  const { vrf } = await readVrf(name);
  const call = BPF[process.arch];
  if (call === undefined) {
    throw new VmnetError('missing', `the system call bpf has no known number on ${process.arch}`, {
      hint: 'systemd 260 has BindNetworkInterface=',
    });
  }
  // Where a unit manages cgroups of its own, systemd runs this in one beside those.
  const path = unifiedPath(readProc('self', 'cgroup'))?.replace(/\/\.control$/, '');
  if (path === undefined || !path.endsWith('.service')) {
    throw new VmnetError(
      'request',
      '--unit is for ExecStartPre=+ of a service alone: it binds the whole cgroup',
      {
        hint: 'vmnet vrf exec runs a single command',
      },
    );
  }
  const args = ['-e', BIND_PROGRAM, '--', name, String(vrf.ifindex), String(call), join(cgroupRoot(), path)];
  await outputOf('perl', args, { doing: `binding the unit to ${name}` });
}

function cgroupRoot(): string {
  const mount = cgroupMount(readFileSync('/proc/self/mounts', 'utf8'));
  if (mount !== undefined) return mount;
  // iproute2 mounts one here when it finds none.
  if (existsSync('/run/cgroup2/cgroup.procs')) return '/run/cgroup2';
  throw new VmnetError('missing', 'no unified cgroup hierarchy is mounted', {
    hint: 'mount -t cgroup2 cgroup2 /sys/fs/cgroup/unified',
  });
}
