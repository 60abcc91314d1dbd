// What the kernel must have for bridges that look at VLANs.
import { execaSync } from 'execa';
import { PATH } from './command.ts';

/** Why tests of VLAN-aware bridges cannot run here, if they cannot. */
export function missingForVlanBridges(): string | undefined {
  const name = `vmt${process.pid}-vlans`;
  const run = (...args: readonly string[]) =>
    execaSync('ip', args, { reject: false, env: { PATH }, stdin: 'ignore', timeout: 20_000 }).exitCode === 0;
  if (!run('netns', 'add', name)) return 'no network namespaces';
  const found = run('-n', name, 'link', 'add', 'br0', 'type', 'bridge', 'vlan_filtering', '1');
  run('netns', 'del', name);
  return found ? undefined : 'this kernel has no VLAN-aware bridges';
}
