import { asVmnetError, type ExitName, formatError, VmnetError } from '../core/errors.ts';
import { parseConfig } from '../core/source/config.ts';
import type { Context } from '../run/ports.ts';
import { loadConfig, loadRtTables } from './files.ts';
import { createHost } from './host.ts';
import { createLog, type LogLevel } from './log.ts';
import type { Started } from './start.ts';

/** What every run is told from outside. */
export interface Globals {
  readonly config: string;
  readonly stateDir: string;
  readonly logLevel: LogLevel;
}

/** Told of the error that a run ends with, beside the log: who has started it may have a place of its own for it. */
export type Tell = (error: VmnetError) => Promise<void>;

/** Runs `work` on this machine. An error is logged, once and on one line, and its exit is what is returned. */
export async function withContext(
  globals: Globals,
  work: (context: Context) => Promise<ExitName>,
  started?: Started,
  tell?: Tell,
): Promise<ExitName> {
  return withConfig(globals, path => configOf(path), work, { started, tell });
}

/** The same for what must work whatever the configuration says: with that of a host without any. */
export function withoutConfig(
  globals: Globals,
  work: (context: Context) => Promise<ExitName>,
): Promise<ExitName> {
  const rtTables: ReadonlyMap<string, number> = new Map();
  return withConfig(globals, () => ({ rtTables, config: parseConfig([], rtTables, []) }), work, {});
}

function configOf(path: string): Pick<Context, 'config' | 'rtTables'> {
  const rtTables = loadRtTables();
  return { rtTables, config: loadConfig(path, rtTables) };
}

async function withConfig(
  { config: path, stateDir, logLevel }: Globals,
  read: (path: string) => Pick<Context, 'config' | 'rtTables'>,
  work: (context: Context) => Promise<ExitName>,
  { started, tell }: { readonly started?: Started | undefined; readonly tell?: Tell | undefined },
): Promise<ExitName> {
  const host = createHost(stateDir, started);
  let log = createLog({ level: logLevel, stderr: true });
  try {
    requireRoot();
    const { rtTables, config } = read(path);
    const { logFile } = config.settings;
    if (logFile !== undefined) log = createLog({ level: logLevel, stderr: true, logFile });
    return await work({ host, config, rtTables, report: (level, text) => log.write({ level, text }) });
  } catch (thrown) {
    const error = asVmnetError(thrown);
    log.write({ level: 'error', text: formatError(error) });
    await tell?.(error);
    return error.exit;
  } finally {
    host.close();
    await log.close();
  }
}

/** Reading nftables needs the same rights as writing it. */
export function requireRoot(): void {
  if (process.geteuid?.() === 0) return;
  throw new VmnetError('permission', 'vmnet reads and changes the network of the host', {
    hint: 'run it as root',
  });
}
