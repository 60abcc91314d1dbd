import type { XmlElement } from '@rgrove/parse-xml';
import { quoted, VmnetError } from '../errors.ts';
import { type Address, parseAddress } from '../model/address.ts';
import { parseMac } from '../model/mac.ts';
import type { NicMode } from '../model/request.ts';
import { pick } from './pick.ts';
import { parseLink, parseMode, parseTag, parseVlan, parseWord } from './request-words.ts';
import { hintFor } from './suggest.ts';
import { attributeOf, childOf, childrenOf, elementsOf, lineOf, localName, type XmlDocument } from './xml.ts';

/** The namespace of vmnet's own element in the <metadata> of a domain. */
export const VMNET_NAMESPACE = 'urn:vmnet:nic';

/** What the metadata says of the NIC with a MAC: what libvirt has no place for, above all for a routed one. */
export interface NicDeclaration {
  readonly where: string;
  readonly mode?: NicMode;
  readonly network?: string;
  readonly link?: string;
  readonly vlan?: string;
  readonly addresses: readonly Address[];
  readonly tags: readonly string[];
}

const ATTRIBUTES = ['mac', 'network', 'mode', 'link', 'vlan'];
const CHILDREN: Readonly<Record<string, string>> = { ip: 'address', tag: 'name' };

/**
 * By MAC. `<vmnet:nics xmlns:vmnet="urn:vmnet:nic"><vmnet:nic mac= network= mode= link= vlan=>`, and in that
 * `<vmnet:ip address=/>` and `<vmnet:tag name=/>`. The element is vmnet's, so what is unknown in it is an error.
 */
export function declaredNics(document: XmlDocument, domain: XmlElement): ReadonlyMap<string, NicDeclaration> {
  const nics = childOf(childOf(domain, 'metadata'), 'nics', VMNET_NAMESPACE);
  const declarations = new Map<string, NicDeclaration>();
  for (const nic of nics === undefined ? [] : childrenOf(nics, 'nic', VMNET_NAMESPACE)) {
    const where = lineOf(document, nic);
    const mac = parseMac(attributeOf(nic, 'mac') ?? '', where);
    const before = declarations.get(mac);
    if (before !== undefined)
      throw refused(`${mac} is already at ${before.where}`, where, 'make one of the two');
    declarations.set(mac, declaration(document, nic, where));
  }
  return declarations;
}

function declaration(document: XmlDocument, nic: XmlElement, where: string): NicDeclaration {
  checkAttributes(nic, ATTRIBUTES, where);
  const given = <T>(name: string, parse: (text: string, where: string) => T): T | undefined => {
    const text = attributeOf(nic, name);
    return text === undefined ? undefined : parse(text, where);
  };
  const mode = given('mode', parseMode);
  return {
    where,
    ...pick({
      mode,
      network: given('network', (text, at) => parseWord(text, at, 'network')),
      link: given('link', (text, at) => parseLink(text, mode ?? 'routed', at)),
      vlan: given('vlan', parseVlan),
    }),
    addresses: valuesOf(document, nic, 'ip').map(({ text, at }) => parseAddress(text, at)),
    tags: valuesOf(document, nic, 'tag').map(({ text, at }) => parseTag(text, at)),
  };
}

function valuesOf(
  document: XmlDocument,
  nic: XmlElement,
  name: 'ip' | 'tag',
): readonly { readonly text: string; readonly at: string }[] {
  const unknown = elementsOf(nic).find(child => !Object.hasOwn(CHILDREN, localName(child)));
  if (unknown !== undefined) {
    const hint = hintFor(localName(unknown), Object.keys(CHILDREN));
    throw refused(`a nic has no ${quoted(localName(unknown))}`, lineOf(document, unknown), hint);
  }
  const attribute = CHILDREN[name] ?? '';
  return childrenOf(nic, name, VMNET_NAMESPACE).map(child => {
    const at = lineOf(document, child);
    checkAttributes(child, [attribute], at);
    return { text: attributeOf(child, attribute) ?? '', at };
  });
}

function checkAttributes(element: XmlElement, known: readonly string[], where: string): void {
  const unknown = Object.keys(element.attributes).find(
    name => !known.includes(name) && !name.startsWith('xmlns'),
  );
  if (unknown === undefined) return;
  throw refused(`${localName(element)} has no attribute ${quoted(unknown)}`, where, hintFor(unknown, known));
}

function refused(what: string, where: string, hint: string): VmnetError {
  return new VmnetError('request', what, { where, hint });
}
