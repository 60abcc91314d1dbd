// Runs commands within a node of the cluster: in its namespaces, with its files, and nothing of the caller's.
import { type CommandOptions, type CommandResult, must, run } from '../support/command.ts';
import type { Node } from '../support/datacentre.ts';

/** A machine of the cluster: a node of the data centre, whose first process is `pid`. */
export interface Machine {
  readonly node: Node;
  /** As Ganeti calls it. */
  readonly host: string;
  readonly pid: number;
}

const ENVIRONMENT = [
  ...['HOME=/root', 'LANG=C.UTF-8'],
  'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
];

function argvOn(machine: Machine, argv: readonly string[]): readonly string[] {
  const namespaces = ['--mount', '--uts', '--ipc', '--net', '--pid', '--root', '--wd'];
  return ['nsenter', '-t', String(machine.pid), ...namespaces, 'env', '-i', ...ENVIRONMENT, ...argv];
}

/** Runs a command to its end, whatever it answers. */
export function on(
  machine: Machine,
  argv: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  return run(argvOn(machine, argv), options);
}

/** Runs a command that has to succeed, and gives what it printed. */
export function mustOn(
  machine: Machine,
  argv: readonly string[],
  options: CommandOptions = {},
): Promise<string> {
  return must(argvOn(machine, argv), options);
}

/** Writes a file there, and the directories on the way to it. */
export async function put(machine: Machine, path: string, text: string, mode = '644'): Promise<void> {
  const script = 'mkdir -p "$(dirname "$0")"; rm -f "$0"; cat >"$0"; chmod "$1" "$0"';
  await mustOn(machine, ['sh', '-ec', script, path, mode], { input: text });
}
