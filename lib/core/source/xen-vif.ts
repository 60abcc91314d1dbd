import { quoted, VmnetError } from '../errors.ts';
import { parseAddress } from '../model/address.ts';
import { type Ifname, parseIfname } from '../model/ifname.ts';
import { parseMac } from '../model/mac.ts';
import type { NicRequest } from '../model/request.ts';
import { pick } from './pick.ts';
import { parseInstance } from './request-words.ts';

type Env = Readonly<Record<string, string | undefined>>;

/** `nothing`: another call with another argument is the one for this device. */
export type XenOperation = 'up' | 'down' | 'nothing';

/** A call of a vif script. */
export interface XenCall {
  readonly operation: XenOperation;
  /** The device as the kernel made it: `vif3.0`, or for an emulated NIC `vif3.0-emu`. */
  readonly device: Ifname;
  readonly domain: number;
  readonly index: number;
  /** Of an emulated NIC. */
  readonly emulated: boolean;
  /** The NIC's directory in xenstore: below it are XEN_VIF_KEYS, and `hotplug-status` is to be written. */
  readonly path: string;
}

/** What to read from the NIC's directory, each of which may be missing. */
export const XEN_VIF_KEYS = ['mac', 'ip', 'bridge', 'vifname'] as const;
export type XenVifKeys = { readonly [K in (typeof XEN_VIF_KEYS)[number]]?: string };

const OPERATIONS: Readonly<
  Record<string, { readonly operation: XenOperation; readonly type: 'vif' | 'tap' }>
> = {
  online: { operation: 'up', type: 'vif' },
  offline: { operation: 'down', type: 'vif' },
  add: { operation: 'up', type: 'tap' },
  remove: { operation: 'down', type: 'tap' },
};

/**
 * The arguments and the environment of a vif script: `online type_if=vif`, and `add type_if=tap` for the tap that an
 * emulated NIC has besides. Both variables, $vif and $INTERFACE, are there in both calls of an emulated one.
 */
export function parseXenCall(args: readonly string[], env: Env): XenCall {
  const [word = '', ...rest] = args;
  const known = Object.hasOwn(OPERATIONS, word) ? OPERATIONS[word] : undefined;
  if (known === undefined) {
    throw refused(
      `${quoted(word)} is nothing that a vif script does`,
      'argument 1',
      'Xen calls it with online or offline',
    );
  }
  const type = rest.find(arg => arg.startsWith('type_if='))?.slice('type_if='.length) ?? known.type;
  if (type !== 'vif' && type !== 'tap') {
    throw refused(`${quoted(type)} is no type of a device`, 'type_if', 'it is vif or tap');
  }
  const variable = type === 'vif' ? 'vif' : 'INTERFACE';
  const device = parseIfname(env[variable] ?? '', `$${variable}`);
  const [, domain, index] = /^vif(\d{1,5})\.(\d{1,3})(?:-emu)?$/.exec(device) ?? [];
  const path = pathOf(env, { domain, index });
  const [, domainOfPath = '', indexOfPath = ''] = /(\d+)\/(\d+)$/.exec(path) ?? [];
  return {
    operation: type === known.type ? known.operation : 'nothing',
    device,
    domain: Number(domain ?? domainOfPath),
    index: Number(index ?? indexOfPath),
    emulated: type === 'tap',
    path,
  };
}

/** The link's name for good: who has asked for a name gets the device renamed by the script, on `online` and `add`. */
export function xenLinkName({ device, emulated, path }: XenCall, { vifname = '' }: XenVifKeys): Ifname {
  return vifname === '' ? device : parseIfname(emulated ? `${vifname}-emu` : vifname, `${path}/vifname`);
}

/** What the NIC is called, whichever of its two links the call is about. */
export function xenNicName({ device, path }: XenCall, { vifname = '' }: XenVifKeys): Ifname {
  return parseIfname(vifname === '' ? device.replace(/-emu$/, '') : vifname, `${path}/vifname`);
}

/** Where xenstore has the guest's name. */
export function xenNamePath({ domain }: XenCall): string {
  return `/local/domain/${domain}/name`;
}

/**
 * A request from what xenstore has. With a bridge the NIC is bridged, without it is routed; the table or network of a
 * routed one is nowhere in Xen, and its file in nics.d tells.
 */
export function requestFromXen(xen: XenCall, keys: XenVifKeys, guest: string): NicRequest {
  const at = (key: string) => `${xen.path}/${key}`;
  const { bridge = '' } = keys;
  // `ip` is a list with spaces, and each may have a prefix length in the manner of xl.
  const addresses = (keys.ip ?? '').split(/[ ,]+/).filter(ip => ip !== '');
  return {
    ifname: xenLinkName(xen, keys),
    mode: bridge === '' ? 'routed' : 'bridged',
    // On the target of a migration xl calls it so until the guest has moved.
    instance: parseInstance(guest.replace(/--incoming$/, ''), xenNamePath(xen)),
    mac: parseMac(keys.mac ?? '', at('mac')),
    ...pick({ link: bridge === '' ? undefined : parseIfname(bridge, at('bridge')) }),
    addresses: addresses.map(ip => parseAddress(ip.replace(/\/(32|128)$/, ''), at('ip'))),
    tags: [],
    network: {},
  };
}

/** Xen's own scripts take the path of an emulated NIC from the device's name as well. */
function pathOf(
  env: Env,
  { domain, index }: { domain: string | undefined; index: string | undefined },
): string {
  const text = env.XENBUS_PATH ?? '';
  if (/^\/?[A-Za-z0-9_][A-Za-z0-9_-]*(\/[A-Za-z0-9_-]+)*\/\d{1,5}\/\d{1,3}$/.test(text)) return text;
  if (text === '' && domain !== undefined && index !== undefined) return `backend/vif/${domain}/${index}`;
  throw refused(
    `${quoted(text)} is no NIC in xenstore`,
    '$XENBUS_PATH',
    'Xen sets it, such as backend/vif/3/0',
  );
}

function refused(what: string, where: string, hint: string): VmnetError {
  return new VmnetError('request', what, { where, hint });
}
