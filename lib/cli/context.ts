import type { Argv } from 'yargs';
import { asVmnetError, EXIT, type ExitName, formatError, VmnetError } from '../core/errors.ts';
import { loadConfig, loadRtTables } from '../host/files.ts';
import { createHost } from '../host/host.ts';
import { createLog, type LogEntry } from '../host/log.ts';
import type { Context } from '../run/ports.ts';

/** Options of every command. */
export interface Globals {
  readonly config: string;
  readonly stateDir: string;
  readonly logLevel: LogEntry['level'];
}

/** The command line with the options of every command; a command adds itself and its own. */
export type GlobalArgv = Argv<{ config: string; 'state-dir': string; 'log-level': LogEntry['level'] }>;

/** Runs a verb on this machine; its exit code is what `work` returns, or that of the error that it throws. */
export async function onHost(globals: Globals, work: (context: Context) => Promise<ExitName>): Promise<void> {
  const host = createHost(globals.stateDir);
  let log = createLog({ level: globals.logLevel, stderr: true });
  try {
    requireRoot();
    const rtTables = loadRtTables();
    const config = loadConfig(globals.config, rtTables);
    if (config.settings.logFile !== undefined)
      log = createLog({ level: globals.logLevel, stderr: true, logFile: config.settings.logFile });
    const report: Context['report'] = (level, text) => log.write({ level, text });
    process.exitCode = EXIT[await work({ host, config, rtTables, report })];
  } catch (thrown) {
    const error = asVmnetError(thrown);
    log.write({ level: 'error', text: formatError(error) });
    process.exitCode = EXIT[error.exit];
  } finally {
    host.close();
    await log.close();
  }
}

/** Reading nftables needs the same rights as writing it. */
function requireRoot(): void {
  if (process.geteuid?.() === 0) return;
  throw new VmnetError('permission', 'vmnet reads and changes the network of the host', {
    hint: 'run it as root',
  });
}

/** Errors beside a result: each on its line, and the first one's code. */
export function reportErrors(context: Context, errors: readonly VmnetError[], otherwise: ExitName): ExitName {
  for (const error of errors) context.report('error', formatError(error));
  return errors[0]?.exit ?? otherwise;
}

export function printLine(line: string): void {
  process.stdout.write(`${line}\n`);
}

export function printJson(value: unknown): void {
  printLine(JSON.stringify(value, undefined, 2));
}
