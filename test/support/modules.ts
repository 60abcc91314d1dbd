// What of the kernel a test needs that not every kernel has.
import { execaSync } from 'execa';
import { PATH } from './command.ts';

/** A link of each type, or what else shows that the module is there, in a network namespace of its own. */
const PROBES = {
  bonding: ['ip', 'link', 'add', 'probe', 'type', 'bond'],
  '8021q': ['ip', 'link', 'add', 'link', 'lo', 'name', 'probe', 'type', 'vlan', 'id', '1'],
  vrf: ['ip', 'link', 'add', 'name', 'probe', 'type', 'vrf', 'table', '1001'],
  openvswitch: ['modprobe', '--quiet', 'openvswitch'],
  nf_conntrack_bridge: ['nft', 'add table bridge t; add chain bridge t c; add rule bridge t c ct state new'],
} as const;

export type Module = keyof typeof PROBES;

/** Which of these the running kernel lacks; without names, of all that any test needs. */
export function missingModules(modules = Object.keys(PROBES) as readonly Module[]): readonly Module[] {
  return modules.filter(
    module =>
      execaSync('unshare', ['--net', ...PROBES[module]], { env: { PATH }, reject: false }).exitCode !== 0,
  );
}

/** For `skip` of a test: the modules in one line, `false` when the kernel has them all. */
export function missingModule(...modules: readonly Module[]): string | false {
  const missing = missingModules(modules);
  return missing.length === 0 ? false : `needs the kernel's ${missing.join(', ')}; make lab has them`;
}
