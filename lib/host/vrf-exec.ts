import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { quoted, VmnetError } from '../core/errors.ts';
import type { Ifname } from '../core/model/ifname.ts';
import { SYSTEM_PATH, startError, type Tool } from './exec.ts';
import { BOUND_PROGRAM } from './vrf-program.ts';

const TIMEOUT_MS = 10_000;

/**
 * Becomes `command`, in the VRF: ip makes and enters the cgroup, perl looks whether a socket there really is bound, and
 * becomes the command. Tried without the command before, so that whatever is wrong is an error of ours.
 */
export function becomeInVrf(name: Ifname, command: readonly string[]): never {
  tryVrf(name);
  const [ip = '', ...args] = [...chain(name), ...command];
  const { execve } = process;
  if (execve === undefined) throw new VmnetError('missing', 'this Node cannot become another program');
  // A locale that is not there is the command's business, and nothing that perl should complain of.
  return execve.call(process, ip, ['ip', ...args], { ...process.env, PERL_BADLANG: '0' });
}

/** Throws unless a process that is put into the VRF has its sockets bound. Makes the cgroup, or its program anew. */
export function tryVrf(name: Ifname): void {
  if (!existsSync(`/sys/class/net/${name}`)) {
    throw new VmnetError('request', `there is no VRF ${name}`, { hint: 'vmnet vrf list shows all' });
  }
  const [ip = '', ...args] = chain(name);
  const { status, stderr, error } = spawnSync(ip, args, {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { PATH: SYSTEM_PATH, LC_ALL: 'C' },
    encoding: 'utf8',
    timeout: TIMEOUT_MS,
  });
  if (error !== undefined) throw startError('ip', error);
  if (status !== 0) throw vrfError(name, status, stderr);
}

function chain(name: Ifname): readonly string[] {
  return [toolPath('ip'), 'vrf', 'exec', name, toolPath('perl'), '-e', BOUND_PROGRAM, '--', name];
}

/** execve() looks in no PATH, and the caller's may lack the tool. */
export function toolPath(tool: Tool): string {
  const path = SYSTEM_PATH.split(':')
    .map(directory => join(directory, tool))
    .find(candidate => existsSync(candidate));
  if (path !== undefined) return path;
  throw startError(tool, Object.assign(new Error(tool), { code: 'ENOENT' }));
}

function vrfError(name: Ifname, status: number | null, stderr: string): VmnetError {
  const said = stderr.trim().split('\n')[0] ?? '';
  if (status === 69) {
    return new VmnetError('missing', said.replace(/^vmnet: /, ''), {
      hint: 'nothing was run; Linux 4.10 or later with a unified cgroup hierarchy is needed',
    });
  }
  if (/Invalid VRF/.test(said)) {
    return new VmnetError('request', `${name} is no VRF`, { hint: 'vmnet vrf list shows all' });
  }
  if (/not permitted|Permission denied/.test(said)) {
    const hint =
      process.geteuid?.() === 0
        ? 'CAP_SYS_ADMIN, CAP_NET_ADMIN and a writable cgroup tree are needed; a container may lack them'
        : `run it as root, or let ip do it for everybody: dpkg-reconfigure iproute2, or setcap cap_dac_override,cap_net_admin,cap_sys_admin=ep ${toolPath('ip')}`;
    return new VmnetError('permission', `ip vrf exec ${name} may not: ${said}`, { hint });
  }
  return new VmnetError('missing', `ip vrf exec ${name} failed: ${quoted(said)}`, {
    hint: 'vmnet vrf verify looks for the reason; CONFIG_CGROUP_BPF is needed',
  });
}
