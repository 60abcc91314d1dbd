import { readdirSync, readFileSync } from 'node:fs';
import { VmnetError } from '../core/errors.ts';
import type { Ifname } from '../core/model/ifname.ts';
import type { NicRequest } from '../core/model/request.ts';
import {
  GANETI_NIC_DIR,
  type GanetiTapFile,
  ganetiRuntimePath,
  instanceOfTap,
  requestFromGanetiRuntime,
} from '../core/source/ganeti-runtime.ts';

/** The NIC of a running KVM instance of Ganeti's that has the tap; undefined when none has. */
export function requestFromGaneti(tap: Ifname): NicRequest | undefined {
  const files = namesIn(GANETI_NIC_DIR).flatMap(instance => tapFilesOf(instance));
  const instance = instanceOfTap(files, tap);
  if (instance === undefined) return undefined;
  const path = ganetiRuntimePath(instance);
  const text = read(path);
  if (text === undefined) {
    throw new VmnetError('request', `there is no such file, and ${instance} is to have ${tap}`, {
      where: path,
      hint: 'does the instance run on this node?',
    });
  }
  const own = files.filter(file => file.instance === instance);
  return requestFromGanetiRuntime({ path, text }, own, tap);
}

function tapFilesOf(instance: string): readonly GanetiTapFile[] {
  const directory = `${GANETI_NIC_DIR}/${instance}`;
  return namesIn(directory).flatMap(index => {
    const text = read(`${directory}/${index}`);
    return text === undefined ? [] : [{ instance, index, text }];
  });
}

function namesIn(directory: string): readonly string[] {
  return unlessGone(() => readdirSync(directory)) ?? [];
}

function read(file: string): string | undefined {
  return unlessGone(() => readFileSync(file, 'utf8'));
}

/** Instances stop while their files are read, and a node without Ganeti has none. */
function unlessGone<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (thrown) {
    const { code } = thrown as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EISDIR') return undefined;
    throw new VmnetError('request', `Ganeti's files cannot be read (${code ?? String(thrown)})`, {
      where: GANETI_NIC_DIR,
      hint: 'make them readable, or give the NIC by hand',
      cause: thrown,
    });
  }
}
