import { createWriteStream, fstatSync, writeSync } from 'node:fs';
import type { Logger } from 'winston';

export type LogLevel = 'error' | 'warn' | 'info' | 'debug';

export interface LogEntry {
  level: LogLevel;
  text: string;
  [field: string]: unknown;
}

export interface LogOptions {
  /** Entries below it are dropped everywhere. */
  readonly level: LogLevel;
  readonly stderr: boolean;
  readonly logFile?: string;
}

export interface Log {
  write(entry: LogEntry): void;
  /** Ends when all is in the file; without a file, at once. */
  close(): Promise<void>;
}

/** In the order of weight, with the priorities of syslog. */
const PRIORITY: Readonly<Record<LogLevel, number>> = { error: 3, warn: 4, info: 6, debug: 7 };
const STDERR = 2;

/**
 * A log to standard error, one line an entry, and to a file of JSON lines. No failure of either is one of the caller's:
 * a file that cannot be written costs one warning on standard error. Nothing is loaded for the file before its first entry.
 */
export function createLog({ level, stderr, logFile }: LogOptions): Log {
  let file: Promise<LogFile | undefined> | undefined;
  return {
    write: entry => {
      if (PRIORITY[entry.level] > PRIORITY[level]) return;
      if (stderr) writeLine(entry.level, entry.text);
      if (logFile === undefined) return;
      const timestamp = new Date().toISOString();
      file ??= openFile(logFile);
      file.then(opened => opened?.write(entry, timestamp));
    },
    close: async () => (await file)?.close(),
  };
}

interface LogFile {
  write(entry: LogEntry, timestamp: string): void;
  close(): Promise<void>;
}

/** Undefined when it cannot be had; the warning is out by then. */
async function openFile(path: string): Promise<LogFile | undefined> {
  // winston's own file transport swallows the errors of its stream, and never ends after one.
  const stream = createWriteStream(path, { flags: 'a', mode: 0o640 });
  let warned = false;
  const warn = (error: Error) => {
    if (!warned) writeLine('warn', `${path}: not logged to: ${error.message}`);
    warned = true;
  };
  stream.on('error', warn);
  try {
    const logger = await loggerTo(stream);
    logger.on('error', warn);
    return {
      write: ({ level, text, ...rest }, timestamp) => {
        if (!warned) logger.write({ ...rest, level, message: text, timestamp });
      },
      close: async () => {
        await new Promise<void>(resolve => logger.end(resolve));
        await new Promise<void>(resolve => (stream.closed ? resolve() : stream.once('close', resolve).end()));
      },
    };
  } catch (thrown) {
    warn(thrown instanceof Error ? thrown : new Error(String(thrown)));
    stream.destroy();
    return undefined;
  }
}

async function loggerTo(stream: NodeJS.WritableStream): Promise<Logger> {
  const { createLogger, format, transports } = (await import('winston')).default;
  return createLogger({
    levels: PRIORITY,
    level: 'debug',
    format: format.json(),
    transports: [new transports.Stream({ stream })],
  });
}

/** Written to the descriptor: process.stderr takes longer to set up than the line, and throws later when nobody reads. */
function writeLine(level: LogLevel, text: string): void {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is being removed
  const line = text.replace(/\s*[\u0000-\u001f\u007f\u0085\u2028\u2029]+\s*/g, ' ').trim();
  try {
    writeSync(STDERR, `${journalReads() ? `<${PRIORITY[level]}>` : 'vmnet: '}${line}\n`);
  } catch {
    // Nobody is there to be told.
  }
}

/**
 * Whether the journal reads our standard error: systemd tells device and inode of the stream that it opened. A hypervisor
 * under systemd passes the variable on and reads our words itself, and must not get the prefixes of sd-daemon(3).
 */
function journalReads(): boolean {
  const { dev, ino } = fstatSync(STDERR);
  return process.env.JOURNAL_STREAM === `${dev}:${ino}`;
}
