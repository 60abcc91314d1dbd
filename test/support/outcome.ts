// Counts the events of one node:test run, and prints the failures with what their files wrote.
import type { TestsStream } from 'node:test';
import { inspect } from 'node:util';

export interface Outcome {
  readonly passed: number;
  readonly failed: number;
  /** `file: name of the test (reason)` */
  readonly skipped: readonly string[];
}

/** The fields that the events used here have in common; node's own types leave some of them out. */
interface TestEvent {
  readonly name: string;
  readonly nesting: number;
  readonly file?: string;
  readonly line?: number;
  readonly skip?: string | boolean;
  readonly todo?: string | boolean;
  readonly details: { readonly type?: string; readonly error?: Error };
}

/** `shown` shortens a file's path. A file in which no test ran is a failure: it tests nothing. */
export async function tally(stream: TestsStream, shown: (path: string) => string): Promise<Outcome> {
  let passed = 0;
  let failed = 0;
  const skipped: string[] = [];
  const written = new Map<string, string>();
  const names: string[] = [];
  for await (const { type, data } of stream) {
    if (type === 'test:stdout' || type === 'test:stderr') {
      written.set(data.file ?? '', (written.get(data.file ?? '') ?? '') + data.message);
      continue;
    }
    if (type === 'test:start') names.splice(data.nesting, names.length, data.name);
    if (type !== 'test:pass' && type !== 'test:fail') continue;
    const event: TestEvent = data;
    const place = where(event, shown);
    const name = [...names.slice(0, event.nesting), event.name].join(' > ');
    const aside = type === 'test:pass' ? (event.skip ?? event.todo) : event.todo;
    if (isWholeFile(event)) {
      if (type === 'test:pass') {
        console.log(`FAILED ${place}\n  no test in this file\n`);
        failed += 1;
        continue;
      }
    }
    if (aside !== undefined && aside !== false) {
      skipped.push(`${place}: ${name}${typeof aside === 'string' && aside !== '' ? ` (${aside})` : ''}`);
    } else if (type === 'test:pass') {
      if (event.details.type !== 'suite') passed += 1;
    } else if (!failedThroughChildren(event)) {
      failed += 1;
      console.log(`FAILED ${place}: ${name}\n${indent(reason(event))}${output(written, event)}\n`);
    }
  }
  return { passed, failed, skipped };
}

/** What node reports for a file with no test in it, or one that died: a test that bears the file's path. */
function isWholeFile(event: TestEvent): boolean {
  return event.nesting === 0 && event.file !== undefined && event.file.endsWith(event.name);
}

function failedThroughChildren(event: TestEvent): boolean {
  const error = event.details.error;
  return error !== undefined && 'failureType' in error && error.failureType === 'subtestsFailed';
}

function reason(event: TestEvent): string {
  const error = event.details.error;
  const cause = error?.cause ?? error;
  if (!(cause instanceof Error)) return typeof cause === 'string' ? cause : inspect(cause);
  // The stack repeats the message in its head and ends in node's own frames.
  const frames = (cause.stack ?? '')
    .split('\n')
    .filter(line => /^\s+at /.test(line) && !line.includes('node:'));
  return [cause.message, ...frames.slice(0, 4)].join('\n');
}

/** Once a file: the first failure in it shows what it wrote so far. */
function output(written: Map<string, string>, event: TestEvent): string {
  const text = written.get(event.file ?? '')?.trimEnd() ?? '';
  written.delete(event.file ?? '');
  return text === '' ? '' : `\n  it wrote:\n${indent(text)}`;
}

function where(event: TestEvent, shown: (path: string) => string): string {
  if (event.file === undefined) return '(no file)';
  return event.line === undefined || isWholeFile(event)
    ? shown(event.file)
    : `${shown(event.file)}:${event.line}`;
}

function indent(text: string): string {
  return text.replace(/^/gm, '  ');
}
