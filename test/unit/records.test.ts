import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, describe, it } from 'node:test';
import { parseIfname } from '../../lib/core/model/ifname.ts';
import {
  deleteRecord,
  listRecords,
  readRecord,
  removeTemporaries,
  writeRecord,
} from '../../lib/host/records.ts';
import { bridged, broken, routed, W } from '../support/recorded.ts';

const tap0 = parseIfname('tap0', W);

describe('records', () => {
  const root = mkdtempSync(join(tmpdir(), 'vmnet-record-'));
  let count = 0;
  let state = '';
  beforeEach(() => {
    count += 1;
    state = join(root, String(count), 'vmnet');
  });
  after(() => rmSync(root, { recursive: true }));

  it('are read as they were written, the last one counts, and none is left after delete', () => {
    assert.equal(readRecord(state, tap0), undefined);
    deleteRecord(state, tap0);
    writeRecord(state, { ...routed(), state: 'pending' });
    writeRecord(state, routed());
    assert.deepEqual(readRecord(state, tap0), routed());
    assert.deepEqual(readdirSync(join(state, 'nics')), ['tap0.json']);
    deleteRecord(state, tap0);
    deleteRecord(state, tap0);
    assert.equal(readRecord(state, tap0), undefined);
    assert.deepEqual(listRecords(state), { records: [], broken: [] });
  });

  for (const umask of [0o000, 0o077, 0o277]) {
    it(`are for root alone under umask ${umask.toString(8).padStart(3, '0')}`, () => {
      mkdirSync(state, { recursive: true });
      const before = process.umask(umask);
      try {
        writeRecord(state, routed());
      } finally {
        process.umask(before);
      }
      assert.equal(statSync(join(state, 'nics')).mode & 0o777, 0o700);
      assert.equal(statSync(join(state, 'nics/tap0.json')).mode & 0o777, 0o600);
    });
  }

  it('are listed in the order of people, with what is broken beside them', () => {
    assert.deepEqual(listRecords(state), { records: [], broken: [] });
    const names = ['tap10', 'tap2', 'tap1', 'vif1.0'];
    for (const name of names) writeRecord(state, name === 'vif1.0' ? bridged(name) : routed(name));
    const dir = join(state, 'nics');
    writeFileSync(join(dir, 'tap3.json'), readFileSync(join(dir, 'tap2.json')));
    writeFileSync(join(dir, 'tap4.json'), readFileSync(join(dir, 'tap2.json')).subarray(0, 200));
    writeFileSync(join(dir, 'tap5.json'), '');
    writeFileSync(join(dir, 'notes.txt'), 'x');
    mkdirSync(join(dir, 'tap6.json'));
    // Of a writer that died.
    writeFileSync(join(dir, '-123.tmp'), '{');
    const { records, broken: errors } = listRecords(state);
    assert.deepEqual(
      records.map(record => record.request.ifname),
      ['tap1', 'tap2', 'tap10', 'vif1.0'],
    );
    assert.deepEqual(
      errors.map(error => error.where?.slice(dir.length + 1)),
      ['notes.txt', 'tap3.json', 'tap4.json', 'tap5.json', 'tap6.json'],
    );
    for (const error of errors) broken(error.where ?? '')(error);
    // gc deletes by the tap's name, which this file has not.
    assert.doesNotMatch(errors[0]?.hint ?? '', /gc removes/);
    assert.throws(() => readRecord(state, parseIfname('tap3', W)), broken(join(dir, 'tap3.json')));
  });

  it('that were half written are removed when their writers are gone', () => {
    writeRecord(state, routed());
    const dead = spawnSync('true').pid;
    for (const dir of [state, join(state, 'nics')])
      for (const name of [`-${dead}.tmp`, `-${process.pid}.tmp`, '-x.tmp'])
        writeFileSync(join(dir, name), '{');
    removeTemporaries(state);
    assert.deepEqual(readdirSync(join(state, 'nics')), [`-${process.pid}.tmp`, '-x.tmp', 'tap0.json'].sort());
    assert.deepEqual(readdirSync(state), [`-${process.pid}.tmp`, '-x.tmp', 'nics'].sort());
    removeTemporaries(join(state, 'nowhere'));
  });

  it('that cannot be written leave nothing behind', () => {
    mkdirSync(join(state, 'nics/tap0.json/x'), { recursive: true });
    assert.throws(() => writeRecord(state, routed()), broken(join(state, 'nics/tap0.json')));
    assert.deepEqual(readdirSync(join(state, 'nics')), ['tap0.json']);
    writeFileSync(join(root, 'file'), '');
    assert.throws(() => writeRecord(join(root, 'file'), routed()), { exit: 'record' });
    assert.equal(listRecords(join(root, 'file')).broken.length, 1);
  });
});
