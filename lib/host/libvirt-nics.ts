import { readdirSync, readFileSync } from 'node:fs';
import { VmnetError } from '../core/errors.ts';
import type { Ifname } from '../core/model/ifname.ts';
import type { NicRequest } from '../core/model/request.ts';
import { type LibvirtDomain, readLibvirtDomain, requestsOfDomain } from '../core/source/libvirt-domain.ts';

/** Where libvirt keeps what runs: a file for each domain, NAME.xml, replaced by rename whenever its state changes. */
export const LIBVIRT_STATUS_DIR = '/run/libvirt/qemu';

/** A domain that runs; undefined when none of that name does. */
export function runningDomain(name: string): LibvirtDomain | undefined {
  const path = `${LIBVIRT_STATUS_DIR}/${name}.xml`;
  const text = read(path);
  return text === undefined ? undefined : readLibvirtDomain(path, text);
}

/** The NIC of a running domain of libvirt's that has the tap; undefined when none has. */
export function requestFromLibvirt(tap: Ifname): NicRequest | undefined {
  const [found] = statusFiles().flatMap(path => {
    const text = read(path) ?? '';
    // What cannot be read of other domains is nobody's error here.
    if (!text.includes(tap)) return [];
    return requestsOfDomain(readLibvirtDomain(path, text)).filter(({ ifname }) => ifname === tap);
  });
  return found;
}

function statusFiles(): readonly string[] {
  const names = unlessGone(() => readdirSync(LIBVIRT_STATUS_DIR)) ?? [];
  return names.filter(name => name.endsWith('.xml')).map(name => `${LIBVIRT_STATUS_DIR}/${name}`);
}

function read(path: string): string | undefined {
  return unlessGone(() => readFileSync(path, 'utf8'));
}

/** Domains stop while their files are read, and a host without libvirt has none. */
function unlessGone<T>(look: () => T): T | undefined {
  try {
    return look();
  } catch (thrown) {
    const { code } = thrown as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw new VmnetError('request', `libvirt's files cannot be read (${code ?? String(thrown)})`, {
      where: LIBVIRT_STATUS_DIR,
      hint: 'make them readable, or give the NIC by hand',
      cause: thrown,
    });
  }
}
