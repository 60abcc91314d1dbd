import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, fstatSync, mkdtempSync, openSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';

const PROGRAM = join(import.meta.dirname, '../support/programs/log.ts');
const dir = mkdtempSync(join(tmpdir(), 'vmnet-log-'));
after(() => rmSync(dir, { recursive: true }));

function log(
  options: object,
  entries: readonly object[],
  env: Record<string, string> = {},
  stream: number | 'pipe' = 'pipe',
) {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [PROGRAM, JSON.stringify({ options, entries })],
    {
      env: { PATH: process.env.PATH, ...env },
      encoding: 'utf8',
      stdio: ['pipe', 'pipe', stream],
    },
  );
  assert.equal(status, 0, stderr);
  return { stderr, ...(JSON.parse(stdout) as { winston: boolean }) };
}

const LEVELS = ['error', 'warn', 'info', 'debug'].map(level => ({ level, text: `a ${level}` }));

describe('standard error', () => {
  it('by hand: a line an entry', () => {
    const { stderr } = log({ level: 'debug', stderr: true }, LEVELS);
    assert.equal(stderr, 'vmnet: a error\nvmnet: a warn\nvmnet: a info\nvmnet: a debug\n');
  });

  it("another's journal: no prefix in what a hypervisor under systemd captures", () => {
    const { stderr } = log({ level: 'error', stderr: true }, LEVELS, {
      JOURNAL_STREAM: '8:1',
      INVOCATION_ID: 'ab',
    });
    assert.equal(stderr, 'vmnet: a error\n');
  });

  it('to the journal: syslog priorities', () => {
    const path = join(dir, 'stream');
    const stream = openSync(path, 'w');
    const { dev, ino } = fstatSync(stream);
    log({ level: 'debug', stderr: true }, LEVELS, { JOURNAL_STREAM: `${dev}:${ino}` }, stream);
    closeSync(stream);
    assert.equal(readFileSync(path, 'utf8'), '<3>a error\n<4>a warn\n<6>a info\n<7>a debug\n');
  });

  it('leaves out what is below the level', () => {
    assert.equal(log({ level: 'warn', stderr: true }, LEVELS).stderr, 'vmnet: a error\nvmnet: a warn\n');
    assert.equal(log({ level: 'debug', stderr: false }, LEVELS).stderr, '');
  });

  it('keeps an entry on its line, without control characters', () => {
    const { stderr } = log({ level: 'info', stderr: true }, [
      { level: 'info', text: 'one\n<0>two\u001b[2J three\r\n' },
    ]);
    assert.equal(stderr, 'vmnet: one <0>two [2J three\n');
  });
});

describe('a log file', () => {
  it('gets JSON lines with the time and all fields, after what is there', () => {
    const logFile = join(dir, 'vmnet.log');
    const entry = { level: 'info', text: 'attached', tap: 'tap0', ms: 12 };
    log({ level: 'info', stderr: false, logFile }, [entry, ...LEVELS]);
    log({ level: 'info', stderr: false, logFile }, [entry]);
    const rows = readFileSync(logFile, 'utf8')
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line));
    assert.deepEqual(
      rows.map(row => row.message),
      ['attached', 'a error', 'a warn', 'a info', 'attached'],
    );
    const { timestamp, ...rest } = rows[0];
    assert.deepEqual(rest, { level: 'info', message: 'attached', tap: 'tap0', ms: 12 });
    assert.ok(Math.abs(Date.now() - Date.parse(timestamp)) < 60_000);
    assert.equal(statSync(logFile).mode & 0o007, 0);
  });

  it('takes 5000 entries and ends only when they are there', () => {
    const logFile = join(dir, 'many.log');
    log({ level: 'info', stderr: false, logFile, times: 5000 }, [{ level: 'info', text: 'x'.repeat(100) }]);
    assert.equal(readFileSync(logFile, 'utf8').trimEnd().split('\n').length, 5000);
  });

  it('costs nothing before its first entry', () => {
    const logFile = join(dir, 'none.log');
    assert.equal(
      log({ level: 'info', stderr: false, logFile }, [{ level: 'debug', text: 'x' }]).winston,
      false,
    );
    assert.equal(log({ level: 'info', stderr: true }, [{ level: 'info', text: 'x' }]).winston, false);
    assert.equal(
      log({ level: 'info', stderr: false, logFile }, [{ level: 'info', text: 'x' }]).winston,
      true,
    );
  });

  for (const logFile of ['/dev/null/vmnet.log', '/proc/nowhere/vmnet.log', '/dev/full', dir]) {
    it(`that cannot be written (${logFile.replace(dir, 'a directory')}) is one warning and no failure`, () => {
      const { stderr } = log({ level: 'info', stderr: false, logFile }, [...LEVELS, ...LEVELS]);
      const lines = stderr.trimEnd().split('\n');
      assert.equal(lines.length, 1, stderr);
      assert.ok(lines[0]?.includes(logFile), stderr);
    });
  }
});
