import type { Argv } from 'yargs';
import { EXIT, type ExitName, formatError, type VmnetError } from '../core/errors.ts';
import { type Ifname, parseIfname } from '../core/model/ifname.ts';
import { type Globals, withContext, withoutConfig } from '../host/context.ts';
import { failed } from '../host/hook.ts';
import type { LogLevel } from '../host/log.ts';
import { startReading } from '../host/start.ts';
import type { Context } from '../run/ports.ts';

/** The command line with the options of every command; a command adds itself and its own. */
export type GlobalArgv = Argv<{ config: string; 'state-dir': string; 'log-level': LogLevel }>;

/** Runs a verb on this machine; its exit code is what `work` returns, or that of the error that it throws. */
export async function onHost(globals: Globals, work: (context: Context) => Promise<ExitName>): Promise<void> {
  // Standard output is written synchronously, and a tidy end of the event loop takes as long as reading the kernel.
  process.exit(EXIT[await withContext(globals, work)]);
}

/** The same for a verb that only looks at certain NICs: the kernel is read while the configuration is. */
export async function onTaps(
  globals: Globals,
  names: readonly string[],
  work: (context: Context, taps: readonly Ifname[]) => Promise<ExitName>,
): Promise<void> {
  process.exit(EXIT[await lookAtTaps(globals, names, work)]);
}

async function lookAtTaps(...[globals, names, work]: Parameters<typeof onTaps>): Promise<ExitName> {
  try {
    const taps = names.map(name => parseIfname(name, 'TAP'));
    const started = taps.length === 0 ? undefined : startReading(globals.stateDir, taps);
    return await withContext(globals, context => work(context, taps), started);
  } catch (thrown) {
    return failed(thrown);
  }
}

/** The same for a verb that the configuration must not keep from its work. */
export async function onBareHost(
  globals: Globals,
  work: (context: Context) => Promise<ExitName>,
): Promise<void> {
  process.exit(EXIT[await withoutConfig(globals, work)]);
}

/** Errors beside a result: each on its line, and the first one's code. */
export function reportErrors(context: Context, errors: readonly VmnetError[], otherwise: ExitName): ExitName {
  for (const error of errors) context.report('error', formatError(error));
  return errors[0]?.exit ?? otherwise;
}

/** `1 NIC`, `2 NICs`. */
export function counted(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`;
}

export function printLine(line: string): void {
  process.stdout.write(`${line}\n`);
}

export function printJson(value: unknown): void {
  printLine(JSON.stringify(value, undefined, 2));
}

/** Rows in columns; the first row is the head. */
export function printTable(rows: readonly (readonly string[])[]): void {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map(cells => cells[column]?.length ?? 0)),
  );
  for (const cells of rows) {
    const padded = cells.map((cell, column) => cell.padEnd(widths[column] ?? 0));
    printLine(padded.join('  ').trimEnd());
  }
}
