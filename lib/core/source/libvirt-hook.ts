import type { XmlElement } from '@rgrove/parse-xml';
import { quoted, VmnetError } from '../errors.ts';
import { type Mac, parseMac } from '../model/mac.ts';
import { pick } from './pick.ts';
import { attributeOf, childOf, lineOf, localName, readXml, textOf } from './xml.ts';

/**
 * What a call is for. `admit`: no tap is there, and what cannot work can still be refused. `up`: the taps are there.
 * `again`: the VM runs, and libvirt is what has started. `down`: QEMU is gone, and its taps with it. `collect`: look
 * for what nobody has taken away. `wait`: vmnet's own call, for the guest of a migration to run here. `nothing`: the
 * answer is an empty stdout and success.
 */
export type LibvirtAction = 'admit' | 'up' | 'again' | 'down' | 'collect' | 'wait' | 'nothing';

export interface LibvirtCall {
  /** The domain's or network's name. */
  readonly object: string;
  readonly operation: string;
  readonly action: LibvirtAction;
  /** What libvirt makes of an exit code other than 0. */
  readonly onFailure: 'refused' | 'ignored' | 'killed';
  /** libvirt takes what is on stdout for the domain's new XML. */
  readonly filter: boolean;
  /** Of `release`, since libvirt 10.5: `shutdown`, `migrated`, `crashed`… */
  readonly reason?: string;
}

type Meaning = Pick<LibvirtCall, 'action' | 'onFailure' | 'filter'>;

const QEMU: Readonly<Record<string, Meaning>> = {
  'prepare begin': { action: 'admit', onFailure: 'refused', filter: false },
  'start begin': { action: 'nothing', onFailure: 'refused', filter: false },
  'started begin': { action: 'up', onFailure: 'refused', filter: false },
  'stopped end': { action: 'down', onFailure: 'ignored', filter: false },
  'release end': { action: 'collect', onFailure: 'ignored', filter: false },
  'migrate begin': { action: 'nothing', onFailure: 'refused', filter: true },
  'restore begin': { action: 'nothing', onFailure: 'refused', filter: true },
  'reconnect begin': { action: 'again', onFailure: 'killed', filter: false },
  'arrived begin': { action: 'wait', onFailure: 'ignored', filter: false },
  'attach begin': { action: 'again', onFailure: 'refused', filter: false },
};

// `plugged` and `unplugged` until libvirt 5.4. A port is made before its tap, and the hook is told no tap at all.
const NETWORK: Readonly<Record<string, Meaning>> = {
  'start begin': { action: 'nothing', onFailure: 'refused', filter: false },
  'started begin': { action: 'nothing', onFailure: 'refused', filter: false },
  'stopped end': { action: 'collect', onFailure: 'ignored', filter: false },
  'updated begin': { action: 'nothing', onFailure: 'refused', filter: false },
  'port-created begin': { action: 'nothing', onFailure: 'refused', filter: false },
  'plugged begin': { action: 'nothing', onFailure: 'refused', filter: false },
  'port-deleted begin': { action: 'collect', onFailure: 'ignored', filter: false },
  'unplugged begin': { action: 'collect', onFailure: 'ignored', filter: false },
};

// An operation that a later libvirt adds may be a filter, and may be of any weight.
const UNKNOWN: Meaning = { action: 'nothing', onFailure: 'refused', filter: true };

/** The arguments of /etc/libvirt/hooks/qemu, without the program's name. */
export function parseQemuHookArguments(args: readonly string[]): LibvirtCall {
  return call(args, QEMU);
}

/** The arguments of /etc/libvirt/hooks/network, without the program's name. */
export function parseNetworkHookArguments(args: readonly string[]): LibvirtCall {
  return call(args, NETWORK);
}

/** What the network hook finds on stdin. */
export interface LibvirtNetworkData {
  readonly network: string;
  readonly bridge?: string;
  /** `nat`, `route`, `bridge`…; absent for an isolated network. */
  readonly forward?: string;
  readonly port?: LibvirtPort;
}

export interface LibvirtPort {
  readonly mac: Mac;
  /** The domain. */
  readonly owner?: string;
  readonly type?: string;
  readonly bridge?: string;
}

/** Since libvirt 5.5 a port is <networkport>; before, <interface> and <domain>. */
export function readLibvirtNetworkData(path: string, text: string): LibvirtNetworkData {
  const document = readXml(path, text);
  const network = localName(document.root) === 'hookData' ? childOf(document.root, 'network') : undefined;
  const name = textOf(childOf(network, 'name'));
  if (network === undefined || name === undefined) {
    throw new VmnetError('request', `${quoted(document.root.name)} has no network`, {
      where: path,
      hint: "libvirt's network hook gets <hookData> on stdin",
    });
  }
  const forward = childOf(network, 'forward');
  const port = childOf(document.root, 'networkport') ?? childOf(document.root, 'interface');
  return {
    network: name,
    ...pick({
      bridge: attributeOf(childOf(network, 'bridge'), 'name'),
      forward: forward === undefined ? undefined : (attributeOf(forward, 'mode') ?? 'nat'),
      port: port === undefined ? undefined : portOf(document.root, port, lineOf(document, port)),
    }),
  };
}

function portOf(data: XmlElement, port: XmlElement, where: string): LibvirtPort {
  const plug = childOf(port, 'plug') ?? childOf(port, 'source');
  return {
    mac: parseMac(attributeOf(childOf(port, 'mac'), 'address') ?? '', where),
    ...pick({
      owner: textOf(childOf(childOf(port, 'owner') ?? childOf(data, 'domain'), 'name')),
      type: attributeOf(plug, 'type') ?? attributeOf(port, 'type'),
      bridge: attributeOf(plug, 'bridge'),
    }),
  };
}

function call(args: readonly string[], meanings: Readonly<Record<string, Meaning>>): LibvirtCall {
  const [object = '', operation = '', sub = '', extra = '-'] = args;
  if (object === '' || operation === '' || sub === '') {
    throw new VmnetError(
      'request',
      'a hook of libvirt has the arguments OBJECT OPERATION SUB-OPERATION EXTRA',
      {
        where: quoted(args.join(' ')),
        hint: 'libvirt calls it; by hand, use vmnet attach',
      },
    );
  }
  const key = `${operation} ${sub}`;
  const meaning = Object.hasOwn(meanings, key) ? meanings[key] : undefined;
  const reason = operation === 'release' && extra !== '-' ? extra : undefined;
  return { object, operation, ...(meaning ?? UNKNOWN), ...pick({ reason }) };
}
