import { asVmnetError, EXIT, formatError } from '../core/errors.ts';
import type { Context } from '../run/ports.ts';
import { DEFAULT_CONFIG, DEFAULT_STATE_DIR, loadConfig, loadRtTables } from './files.ts';
import { createHost } from './host.ts';
import { createLog } from './log.ts';

/** `up`: a failure stops the VM from starting. `down`: the VM is gone whatever we say, so errors are told and that is all. */
export type Strictness = 'up' | 'down';

/**
 * Runs a hook's work on this machine. Quiet when it succeeds; one line on stderr when it does not, because that line is
 * what the hypervisor shows.
 */
export function runHook(strictness: Strictness, work: (context: Context) => Promise<unknown>): void {
  void settle(strictness, work);
}

async function settle(strictness: Strictness, work: (context: Context) => Promise<unknown>): Promise<void> {
  const env = process.env;
  const stateDir = env.VMNET_STATE_DIR ?? DEFAULT_STATE_DIR;
  const host = createHost(stateDir);
  let log = createLog({ level: 'warn', stderr: true });
  try {
    const rtTables = loadRtTables();
    const config = loadConfig(env.VMNET_CONFIG ?? DEFAULT_CONFIG, rtTables);
    if (config.settings.logFile !== undefined)
      log = createLog({ level: 'warn', stderr: true, logFile: config.settings.logFile });
    await work({
      host,
      config,
      rtTables,
      report: (level, text) => log.write({ level, text }),
    });
  } catch (thrown) {
    const error = asVmnetError(thrown);
    log.write({ level: 'error', text: formatError(error) });
    if (strictness === 'up') process.exitCode = EXIT[error.exit];
  }
  host.close();
  await log.close();
}
