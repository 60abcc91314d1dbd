import type { XmlElement } from '@rgrove/parse-xml';
import { quoted, VmnetError } from '../errors.ts';
import { type Address, parseAddress } from '../model/address.ts';
import { type Ifname, parseIfname } from '../model/ifname.ts';
import { parseMac } from '../model/mac.ts';
import type { NicMode, NicRequest } from '../model/request.ts';
import { declaredNics, type NicDeclaration } from './libvirt-metadata.ts';
import { vlanOfInterface } from './libvirt-vlan.ts';
import { pick } from './pick.ts';
import { parseInstance, parseLink, parseWord } from './request-words.ts';
import type { NicRequestWithoutTap } from './without-tap.ts';
import {
  attributeOf,
  childOf,
  childrenOf,
  lineOf,
  localName,
  readXml,
  textOf,
  type XmlDocument,
} from './xml.ts';

export interface LibvirtDomain {
  /** The domain's name, or its UUID when the name has characters that no record can have. */
  readonly instance: string;
  /** Of a status file: `running`, `paused`… `paused` for `migration` is a target before the switch-over. */
  readonly state?: { readonly state: string; readonly reason?: string };
  readonly nics: readonly LibvirtNic[];
  /** Interfaces of types that have no tap, or whose tap is a port of Open vSwitch. */
  readonly foreign: readonly { readonly where: string; readonly type: string }[];
}

export interface LibvirtNic {
  /** `FILE:LINE` of the interface. */
  readonly where: string;
  /** Absent before the tap is there: with `prepare` and `start`, and in what is stored of a domain that is off. */
  readonly ifname?: Ifname;
  readonly request: NicRequestWithoutTap;
  /** The metadata names the NIC: somebody meant it for vmnet. */
  readonly declared: boolean;
  readonly mtu?: number;
}

/** A domain as hooks get it on stdin, and as /run/libvirt/qemu/NAME.xml has it, within its status. */
export function readLibvirtDomain(path: string, text: string): LibvirtDomain {
  const document = readXml(path, text);
  const status = localName(document.root) === 'domstatus' ? document.root : undefined;
  const domain = status === undefined ? document.root : childOf(status, 'domain');
  if (domain === undefined || localName(domain) !== 'domain') {
    throw new VmnetError('request', `${quoted(document.root.name)} is no domain`, {
      where: path,
      hint: "libvirt's hooks get a domain on stdin",
    });
  }
  const state = attributeOf(status, 'state');
  const reason = attributeOf(status, 'reason');
  return {
    instance: instanceName(domain, path),
    ...(state === undefined ? {} : { state: { state, ...pick({ reason }) } }),
    ...interfacesOf(document, domain),
  };
}

/** The NICs that have their tap. */
export function requestsOfDomain({ nics }: LibvirtDomain): readonly NicRequest[] {
  return nics.flatMap(({ ifname, request }) => (ifname === undefined ? [] : [{ ifname, ...request }]));
}

function interfacesOf(document: XmlDocument, domain: XmlElement): Pick<LibvirtDomain, 'nics' | 'foreign'> {
  const instance = instanceName(domain, document.path);
  const declarations = declaredNics(document, domain);
  const devices = childOf(domain, 'devices');
  const interfaces = (devices === undefined ? [] : childrenOf(devices, 'interface')).map(element => ({
    element,
    where: lineOf(document, element),
    type: typeOf(element),
  }));
  const ours = (type: string) => ['network', 'bridge', 'ethernet'].includes(type);
  return {
    nics: interfaces
      .filter(({ type }) => ours(type))
      .map(({ element, where }) => nicOf(document, element, { where, instance, declarations })),
    foreign: interfaces.filter(({ type }) => !ours(type)).map(({ where, type }) => ({ where, type })),
  };
}

/** What the interface really is: a status file keeps that of a network within <actual>. */
function typeOf(element: XmlElement): string {
  const actual = childOf(element, 'actual');
  const port = attributeOf(
    childOf(actual ?? element, 'virtualport') ?? childOf(element, 'virtualport'),
    'type',
  );
  return port ?? attributeOf(actual, 'type') ?? attributeOf(element, 'type') ?? 'none';
}

/** What `<port isolated='yes'/>` says, in the words that every caller has for it. */
const ISOLATE = 'vmnet:network:*:isolate';

function nicOf(
  document: XmlDocument,
  element: XmlElement,
  about: { where: string; instance: string; declarations: ReadonlyMap<string, NicDeclaration> },
): LibvirtNic {
  const { where, instance, declarations } = about;
  const mac = parseMac(attributeOf(childOf(element, 'mac'), 'address') ?? '', where);
  const declared = declarations.get(mac);
  const bridge =
    attributeOf(childOf(childOf(element, 'actual'), 'source'), 'bridge') ??
    attributeOf(childOf(element, 'source'), 'bridge');
  const mode: NicMode =
    declared?.mode ?? (attributeOf(element, 'type') === 'ethernet' ? 'routed' : 'bridged');
  const link = mode !== 'routed' && declared?.link === undefined ? bridge : declared?.link;
  const target = attributeOf(childOf(element, 'target'), 'dev');
  const name = declared?.network ?? networkName(element);
  const size = mtu(element, where);
  const isolated = attributeOf(childOf(element, 'port'), 'isolated') === 'yes';
  return {
    where,
    ...(target === undefined ? {} : { ifname: parseIfname(target, where) }),
    request: {
      mode,
      instance,
      mac,
      ...pick({
        link: link === undefined ? undefined : parseLink(link, mode, declared?.where ?? where),
        vlan: declared?.vlan ?? vlanOfInterface(element, where),
      }),
      addresses: unique([...(declared?.addresses ?? []), ...addressesOf(document, element)]),
      tags: [...(declared?.tags ?? []), ...(isolated ? [ISOLATE] : [])],
      network: pick({ name }),
    },
    declared: declared !== undefined,
    ...(size === undefined ? {} : { mtu: size }),
  };
}

/** Whatever names the guest's addresses: a filter's parameters, and <ip>, which some drivers alone take. */
function addressesOf(document: XmlDocument, element: XmlElement): readonly Address[] {
  const filter = childOf(element, 'filterref');
  const parameters = (filter === undefined ? [] : childrenOf(filter, 'parameter'))
    .filter(one => ['IP', 'IPV6'].includes(attributeOf(one, 'name') ?? ''))
    .map(one => ({ one, text: attributeOf(one, 'value') ?? '' }));
  const ips = childrenOf(element, 'ip').map(one => ({ one, text: attributeOf(one, 'address') ?? '' }));
  return [...parameters, ...ips].map(({ one, text }) => {
    const where = lineOf(document, one);
    const address = parseAddress(text, where);
    const family = attributeOf(one, 'family');
    if (family === undefined || family === `ipv${address.family}`) return address;
    throw new VmnetError('request', `${address.text} is not ${quoted(family)}`, {
      where,
      hint: 'correct the interface with virsh edit',
    });
  });
}

/** The network's name, where vmnet could have a section of that name: libvirt allows it any character. */
function networkName(element: XmlElement): string | undefined {
  const name = attributeOf(childOf(element, 'source'), 'network');
  return name === undefined ? undefined : accepted(() => parseWord(name, '', 'network'));
}

function instanceName(domain: XmlElement, path: string): string {
  const name = textOf(childOf(domain, 'name')) ?? '';
  return (
    accepted(() => parseInstance(name, path)) ?? parseInstance(textOf(childOf(domain, 'uuid')) ?? '', path)
  );
}

function mtu(element: XmlElement, where: string): number | undefined {
  const text = attributeOf(childOf(element, 'mtu'), 'size');
  if (text === undefined) return undefined;
  const size = /^[1-9]\d{1,4}$/.test(text) ? Number(text) : 0;
  if (size >= 68 && size <= 65_535) return size;
  throw new VmnetError('request', `${quoted(text)} is no MTU`, { where, hint: 'it is from 68 to 65535' });
}

function accepted<T>(parse: () => T): T | undefined {
  try {
    return parse();
  } catch (error) {
    if (error instanceof VmnetError) return undefined;
    throw error;
  }
}

function unique(addresses: readonly Address[]): readonly Address[] {
  return [...new Map(addresses.map(address => [address.text, address])).values()];
}
