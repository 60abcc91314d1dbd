// Hooks as Ganeti's node daemon runs them, on a node without a configuration.
import { join } from 'node:path';
import { type CommandResult, inside } from '../support/command.ts';
import type { Node } from '../support/datacentre.ts';

const HOOKS = join(import.meta.dirname, '../../dist/hooks');

/** A configuration of this machine, if there is one, is out of sight: `ip netns exec` gives each run its own mounts. */
const BARE = '[ ! -d /etc/vmnet ] || mount -t tmpfs none /etc/vmnet; umask 0077; cd /; PATH=; exec "$0" <&-';

/** umask 0077, cwd /, nothing in the environment but the NIC, an empty PATH, and no standard input. */
export function asGaneti(
  node: Node,
  hook: string,
  env: Readonly<Record<string, string>>,
): Promise<CommandResult> {
  const words = Object.entries({ ...env, VMNET_STATE_DIR: node.stateDir }).map(
    ([key, value]) => `${key}=${value}`,
  );
  return inside(node, ['env', '-i', ...words, '/bin/sh', '-c', BARE, join(HOOKS, hook)]);
}
