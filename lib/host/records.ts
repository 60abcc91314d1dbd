import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { quoted, VmnetError } from '../core/errors.ts';
import type { HostRecord } from '../core/model/host-record.ts';
import { type Ifname, parseIfname } from '../core/model/ifname.ts';
import type { NicRecord } from '../core/model/record.ts';
import { parseHostRecord } from '../core/source/host-record.ts';
import { parseRecord } from '../core/source/record.ts';
import type { HostRecords } from '../run/ports.ts';

/** Replaces the tap's record: a reader finds the old one or the new one. The directory is for root alone. */
export function writeRecord(stateDir: string, record: NicRecord): void {
  replace(fileOf(stateDir, record.request.ifname), record);
}

const TEMPORARY = /^-(\d+)\.tmp$/;

function replace(file: string, record: NicRecord | HostRecord): void {
  // No link name starts with a dash, so no record is ever called this.
  const temporary = join(dirname(file), `-${process.pid}.tmp`);
  try {
    createDir(dirname(file));
    rmSync(temporary, { force: true });
    writeFileSync(temporary, `${JSON.stringify(record, undefined, 2)}\n`, { flag: 'wx', mode: 0o600 });
    // The umask may have taken bits away.
    chmodSync(temporary, 0o600);
    // No fsync: the state directory is in memory and goes with the kernel that it describes.
    renameSync(temporary, file);
  } catch (thrown) {
    tidy(temporary);
    throw failed('written', thrown, file);
  }
}

/** Where it could not be made, it may not be removable either. */
function tidy(temporary: string): void {
  try {
    rmSync(temporary, { force: true });
  } catch {
    // The first error is the one to tell.
  }
}

/** Of the NICs' records, and of the host's: what a process has left that is gone by now. */
export function removeTemporaries(stateDir: string): void {
  for (const dir of [stateDir, join(stateDir, 'nics')]) {
    for (const name of existsSync(dir) ? readdirSync(dir) : []) {
      const pid = TEMPORARY.exec(name)?.[1];
      if (pid !== undefined && !existsSync(`/proc/${pid}`)) tidy(join(dir, name));
    }
  }
}

/** Undefined when there is none; a `record` error when it cannot be read or is no record of this tap. */
export function readRecord(stateDir: string, ifname: Ifname): NicRecord | undefined {
  const file = fileOf(stateDir, ifname);
  const text = readText(file);
  return text === undefined ? undefined : recordOf(text, file, ifname);
}

/** Success when there is none. */
export function deleteRecord(stateDir: string, ifname: Ifname): void {
  unlink(fileOf(stateDir, ifname));
}

function unlink(file: string): void {
  try {
    rmSync(file, { force: true });
  } catch (thrown) {
    throw failed('removed', thrown, file);
  }
}

/** The record of the host's own links, beside the directory of the NICs'. */
export function hostRecords(stateDir: string): HostRecords {
  const file = join(stateDir, 'host.json');
  return {
    read: () => {
      const text = readText(file);
      return text === undefined ? undefined : parseHostRecord(text, file);
    },
    write: record => replace(file, record),
    remove: () => unlink(file),
  };
}

/** One after the other, tap2 before tap10; an error for what is no record. */
export function* iterateRecords(stateDir: string): Generator<NicRecord | VmnetError> {
  const broken: VmnetError[] = [];
  for (const file of recordFiles(stateDir, broken)) {
    try {
      const text = readText(file);
      if (text !== undefined) yield recordOf(text, file, nameOf(file));
    } catch (thrown) {
      yield thrown instanceof VmnetError ? thrown : failed('read', thrown, file);
    }
  }
  yield* broken;
}

/** All of them; what is no record is in `broken`, and nothing is thrown. */
export function listRecords(stateDir: string): { records: NicRecord[]; broken: VmnetError[] } {
  const all = [...iterateRecords(stateDir)];
  return {
    records: all.filter((one): one is NicRecord => !(one instanceof VmnetError)),
    broken: all.filter(one => one instanceof VmnetError),
  };
}

function recordFiles(stateDir: string, broken: VmnetError[]): string[] {
  const dir = join(stateDir, 'nics');
  try {
    return readdirSync(dir)
      .filter(name => !TEMPORARY.test(name))
      .sort((a, b) => a.localeCompare(b, 'en', { numeric: true }) || (a < b ? -1 : 1))
      .map(name => join(dir, name));
  } catch (thrown) {
    if (codeOf(thrown) !== 'ENOENT') broken.push(failed('read', thrown, dir));
    return [];
  }
}

function recordOf(text: string, file: string, ifname: Ifname): NicRecord {
  const record = parseRecord(text, file);
  if (record.request.ifname === ifname) return record;
  throw new VmnetError('record', `it is a record of ${quoted(record.request.ifname)}`, {
    where: file,
    hint: `vmnet gc removes it; then attach ${ifname} again`,
  });
}

function nameOf(file: string): Ifname {
  const name = /([^/]*)\.json$/.exec(file)?.[1];
  try {
    return parseIfname(name ?? '', file);
  } catch (thrown) {
    throw new VmnetError('record', 'its name is not that of a record, TAP.json', {
      where: file,
      hint: 'remove it by hand: vmnet has not written it, and vmnet gc leaves it alone',
      cause: thrown,
    });
  }
}

/** Undefined when there is no such file, also when it went away since the directory was listed. */
function readText(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (thrown) {
    if (codeOf(thrown) === 'ENOENT') return undefined;
    throw failed('read', thrown, file);
  }
}

function createDir(dir: string): void {
  if (mkdirSync(dir, { recursive: true, mode: 0o700 }) !== undefined) chmodSync(dir, 0o700);
}

function fileOf(stateDir: string, ifname: Ifname): string {
  return join(stateDir, 'nics', `${ifname}.json`);
}

function codeOf(thrown: unknown): string | undefined {
  return (thrown as NodeJS.ErrnoException).code;
}

function failed(what: 'read' | 'written' | 'removed', thrown: unknown, where: string): VmnetError {
  const code = codeOf(thrown);
  const reason = code ?? (thrown instanceof Error ? thrown.message : String(thrown));
  return code === 'EACCES' || code === 'EPERM'
    ? new VmnetError('permission', `cannot be ${what}: ${reason}`, {
        where,
        hint: 'run as root',
        cause: thrown,
      })
    : new VmnetError('record', `cannot be ${what}: ${reason}`, {
        where,
        hint: 'see the state directory',
        cause: thrown,
      });
}
