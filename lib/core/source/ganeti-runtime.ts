import { quoted, VmnetError } from '../errors.ts';
import type { Ifname } from '../model/ifname.ts';
import type { NicRequest } from '../model/request.ts';
import { type GanetiVariables, requestFromGanetiVariables } from './ganeti-variables.ts';
import { parseInstance } from './request-words.ts';

/** A directory for each running instance, and in it a file for each NIC: its name is the index, its text the tap. */
export const GANETI_NIC_DIR = '/var/run/ganeti/kvm-hypervisor/nic';

/** One file of GANETI_NIC_DIR. Ganeti writes it after QEMU has started, so while a NIC script runs it is not there. */
export interface GanetiTapFile {
  readonly instance: string;
  /** The file's name. */
  readonly index: string;
  readonly text: string;
}

/** The NICs that an instance runs with. Tags of the instance are not in it. */
export function ganetiRuntimePath(instance: string): string {
  return `/var/run/ganeti/kvm-hypervisor/conf/${parseInstance(instance, GANETI_NIC_DIR)}.runtime`;
}

/** The instance that has the tap; undefined when none of Ganeti's has. */
export function instanceOfTap(files: readonly GanetiTapFile[], tap: Ifname): string | undefined {
  const holders = [...new Set(files.filter(file => file.text.trim() === tap).map(file => file.instance))];
  const [instance, other] = holders;
  if (other === undefined) return instance;
  // What a dead QEMU has left: the kernel gives a free name to the next tap.
  throw new VmnetError('request', `${tap} is a NIC of both ${holders.map(quoted).join(' and ')}`, {
    where: GANETI_NIC_DIR,
    hint: 'one of them does not run; remove its directory there',
  });
}

/**
 * The NIC that has the tap, from the runtime file of its instance and all files of the instance in GANETI_NIC_DIR.
 *
 * Nothing in the runtime file names a tap, and only the order connects the two. The order is lost when Ganeti changes
 * a running NIC: it takes the NIC out of its list and puts it back at the end, on the same PCI slot. So a list whose
 * slots do not ascend, or which has more or fewer NICs than there are files, is refused.
 */
export function requestFromGanetiRuntime(
  runtime: { readonly path: string; readonly text: string },
  files: readonly GanetiTapFile[],
  tap: Ifname,
): NicRequest {
  const nics = nicsOf(runtime.path, runtime.text);
  const sorted = files
    .filter(({ index }) => /^\d{1,3}$/.test(index))
    .toSorted((a, b) => Number(a.index) - Number(b.index));
  const position = sorted.findIndex(file => file.text.trim() === tap);
  const file = sorted[position];
  const nic = nics[position];
  if (file === undefined || nic === undefined || sorted.length !== nics.length || !inOrder(nics)) {
    throw new VmnetError('request', `cannot tell which NIC has ${tap}`, {
      where: runtime.path,
      hint: 'NICs were changed while the instance ran; give its network, MAC and addresses by hand',
    });
  }
  return request(nic, { ...file, tap, at: `${runtime.path}: NIC ${position}` });
}

type Fields = Readonly<Record<string, unknown>>;

function nicsOf(path: string, text: string): readonly Fields[] {
  const [, nics] = Object.values(parseJson(path, text));
  if (Array.isArray(nics) && nics.every(isObject)) return nics;
  throw new VmnetError('request', 'the file has no list of NICs', {
    where: path,
    hint: 'is it a runtime file of Ganeti?',
  });
}

function parseJson(path: string, text: string): readonly unknown[] {
  try {
    const json: unknown = JSON.parse(text);
    return Array.isArray(json) ? json : [];
  } catch (cause) {
    throw new VmnetError('request', 'the file is no JSON', {
      where: path,
      hint: 'is it a runtime file of Ganeti?',
      cause,
    });
  }
}

function request(
  nic: Fields,
  { instance, index, tap, at }: { instance: string; index: string; tap: Ifname; at: string },
): NicRequest {
  const params = isObject(nic.nicparams) ? nic.nicparams : {};
  const network = isObject(nic.netinfo) ? nic.netinfo : {};
  const sources: Readonly<Record<string, readonly [string, unknown]>> = {
    INTERFACE_NAME: ['name', nic.name],
    INTERFACE_UUID: ['uuid', nic.uuid],
    MAC: ['mac', nic.mac],
    IP: ['ip', nic.ip],
    MODE: ['nicparams.mode', params.mode],
    LINK: ['nicparams.link', params.link],
    VLAN: ['nicparams.vlan', params.vlan],
    NETWORK_NAME: ['netinfo.name', network.name],
    NETWORK_UUID: ['netinfo.uuid', network.uuid],
    NETWORK_TAGS: ['netinfo.tags', tags(network.tags)],
    NETWORK_SUBNET: ['netinfo.network', network.network],
    NETWORK_GATEWAY: ['netinfo.gateway', network.gateway],
    NETWORK_SUBNET6: ['netinfo.network6', network.network6],
    NETWORK_GATEWAY6: ['netinfo.gateway6', network.gateway6],
    NETWORK_MAC_PREFIX: ['netinfo.mac_prefix', network.mac_prefix],
  };
  const variables: GanetiVariables = Object.fromEntries(
    Object.entries(sources).map(([name, [field, value]]) => [name, line(value, `${at}: ${field}`)]),
  );
  return requestFromGanetiVariables(
    { ...variables, INTERFACE: tap, INTERFACE_INDEX: index, INSTANCE: instance },
    name => `${at}: ${sources[name]?.[0] ?? name}`,
  );
}

function line(value: unknown, where: string): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'string') return value;
  throw new VmnetError('request', `${quoted(JSON.stringify(value))} is no text`, {
    where,
    hint: 'is it a runtime file of Ganeti?',
  });
}

function tags(value: unknown): unknown {
  return Array.isArray(value) ? value.join(' ') : value;
}

/** Ganeti gives PCI slots upwards, and old releases keep none. */
function inOrder(nics: readonly Fields[]): boolean {
  const slots = nics.map(({ hvinfo }) => (isObject(hvinfo) ? Number(hvinfo.addr) : Number.NaN));
  if (nics.length < 2 || slots.every(Number.isNaN)) return true;
  return slots.every((slot, i) => i === 0 || slot > (slots[i - 1] ?? Number.NaN));
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
