import { asVmnetError, EXIT, type ExitName, formatError } from '../core/errors.ts';
import { type Ifname, parseIfname } from '../core/model/ifname.ts';
import type { Context } from '../run/ports.ts';
import type { Tell } from './context.ts';
import { DEFAULT_CONFIG, DEFAULT_STATE_DIR } from './defaults.ts';
import { createLog } from './log.ts';
import { startNicRun } from './start.ts';

/** `up`: a failure stops the VM from starting. `down`: the VM is gone whatever we say, so errors are told and that is all. */
export type Strictness = 'up' | 'down';

export type HookWork = (context: Context, tap: Ifname) => Promise<unknown>;

/** The NIC in the caller's words, and where it says them. */
export interface NamedTap {
  readonly text: string;
  readonly where: string;
}

/**
 * Runs a hook's work for one tap. Quiet when it succeeds; one line on stderr when it does not, because that line is what
 * the hypervisor shows. The kernel is read while the program is loaded, so a hook imports what it needs within its work.
 */
export function runHook(
  strictness: Strictness,
  work: HookWork,
  named: NamedTap = { text: process.env.INTERFACE ?? '', where: '$INTERFACE' },
): void {
  // A NIC that never came up here: Ganeti tells all hosts of a failed migration, and Python's word for nothing is None.
  if (strictness === 'down' && (named.text === '' || named.text === 'None')) return;
  // Without a tidy end of the event loop, which takes as long as reading the kernel does; all is written by now.
  void runForTap(strictness, named, work).then(exit =>
    process.exit(strictness === 'up' ? EXIT[exit] : EXIT.ok),
  );
}

export async function runForTap(
  strictness: Strictness,
  { text, where }: NamedTap,
  work: HookWork,
  tell?: Tell,
): Promise<ExitName> {
  const { VMNET_CONFIG, VMNET_STATE_DIR } = process.env;
  const stateDir = VMNET_STATE_DIR ?? DEFAULT_STATE_DIR;
  try {
    const tap = parseIfname(text, where);
    const started = startNicRun(stateDir, tap, strictness === 'up');
    const { withContext } = await import('./context.ts');
    const globals = { config: VMNET_CONFIG ?? DEFAULT_CONFIG, stateDir, logLevel: 'warn' } as const;
    const quietly = (context: Context): Promise<ExitName> => work(context, tap).then(() => 'ok');
    return await withContext(globals, quietly, started, tell);
  } catch (thrown) {
    return failed(thrown, tell);
  }
}

/** Says an error that came up before there was a run. */
export async function failed(thrown: unknown, tell?: Tell): Promise<ExitName> {
  const error = asVmnetError(thrown);
  createLog({ level: 'warn', stderr: true }).write({ level: 'error', text: formatError(error) });
  await tell?.(error);
  return error.exit;
}
