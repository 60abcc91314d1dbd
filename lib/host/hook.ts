import { asVmnetError, EXIT, type ExitName, formatError } from '../core/errors.ts';
import { parseIfname } from '../core/model/ifname.ts';
import type { Context } from '../run/ports.ts';
import { DEFAULT_CONFIG, DEFAULT_STATE_DIR } from './defaults.ts';
import { createLog } from './log.ts';
import { startNicRun } from './start.ts';

/** `up`: a failure stops the VM from starting. `down`: the VM is gone whatever we say, so errors are told and that is all. */
export type Strictness = 'up' | 'down';

/**
 * Runs a hook's work for the tap in $INTERFACE. Quiet when it succeeds; one line on stderr when it does not, because
 * that line is what the hypervisor shows. The kernel is read while the program is loaded, so a hook imports what it
 * needs within its work.
 */
export function runHook(strictness: Strictness, work: (context: Context) => Promise<unknown>): void {
  // Without a tidy end of the event loop, which takes as long as reading the kernel does; all is written by now.
  void settle(strictness, work).then(exit => process.exit(strictness === 'up' ? EXIT[exit] : EXIT.ok));
}

async function settle(
  strictness: Strictness,
  work: (context: Context) => Promise<unknown>,
): Promise<ExitName> {
  const { INTERFACE = '', VMNET_CONFIG, VMNET_STATE_DIR } = process.env;
  const stateDir = VMNET_STATE_DIR ?? DEFAULT_STATE_DIR;
  try {
    const started = startNicRun(stateDir, parseIfname(INTERFACE, '$INTERFACE'), strictness === 'up');
    const { withContext } = await import('./context.ts');
    const globals = { config: VMNET_CONFIG ?? DEFAULT_CONFIG, stateDir, logLevel: 'warn' } as const;
    const quietly = (context: Context): Promise<ExitName> => work(context).then(() => 'ok');
    return await withContext(globals, quietly, started);
  } catch (thrown) {
    const error = asVmnetError(thrown);
    createLog({ level: 'warn', stderr: true }).write({ level: 'error', text: formatError(error) });
    return error.exit;
  }
}
