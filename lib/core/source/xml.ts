import { parseXml, XmlElement, type XmlNode, XmlText } from '@rgrove/parse-xml';
import { quoted, VmnetError } from '../errors.ts';

/** Characters. The longest that libvirt writes, a domain with its status, has a few hundred thousand. */
const MAX_LENGTH = 8 * 1024 * 1024;

/** A document that somebody else wrote, with what is needed to say where in it something stands. */
export interface XmlDocument {
  readonly root: XmlElement;
  readonly text: string;
  /** The file, or `stdin`. */
  readonly path: string;
}

/** Parses a document. A document type, which is what declares entities, is refused. */
export function readXml(path: string, text: string): XmlDocument {
  if (text.length > MAX_LENGTH) throw bad(path, `${text.length} characters of XML are too many`);
  const root = rootOf(path, text);
  if (root === null) throw bad(path, 'the XML has no element');
  return { root, text, path };
}

/** The children with this name; of elements outside any namespace unless one is given. */
export function childrenOf(element: XmlElement, name: string, namespace = ''): readonly XmlElement[] {
  return elementsOf(element).filter(child => localName(child) === name && namespaceOf(child) === namespace);
}

export function childOf(
  element: XmlElement | undefined,
  name: string,
  namespace = '',
): XmlElement | undefined {
  return element === undefined ? undefined : childrenOf(element, name, namespace)[0];
}

export function elementsOf(element: XmlElement): readonly XmlElement[] {
  return element.children.filter(child => child instanceof XmlElement);
}

/** Undefined also when it is empty. */
export function attributeOf(element: XmlElement | undefined, name: string): string | undefined {
  const value = element?.attributes[name];
  return value === '' ? undefined : value;
}

/** The text of the element itself, without the spaces around it; undefined when there is none. */
export function textOf(element: XmlElement | undefined): string | undefined {
  const parts = (element?.children ?? []).map(child => (child instanceof XmlText ? child.text : ''));
  const text = parts.join('').trim();
  return text === '' ? undefined : text;
}

export function localName({ name }: XmlElement): string {
  return name.slice(name.indexOf(':') + 1);
}

/** `PATH:LINE` of an element. */
export function lineOf({ path, text }: XmlDocument, { start }: XmlNode): string {
  return `${path}:${text.slice(0, Math.max(0, start)).split('\n').length}`;
}

function rootOf(path: string, text: string): XmlElement | null {
  try {
    const document = parseXml(text, { includeOffsets: true, preserveDocumentType: true });
    if (document.children.some(({ type }) => type === 'doctype')) {
      throw bad(path, 'the XML has a document type, and libvirt writes none');
    }
    return document.root;
  } catch (error) {
    if (error instanceof VmnetError) throw error;
    // The parser calls itself for each level, and quotes the lines around an error below its message.
    const deep = error instanceof RangeError;
    const [line = ''] = error instanceof Error ? error.message.split('\n') : [];
    throw bad(path, deep ? 'the XML is nested too deep' : `no XML: ${quoted(line)}`);
  }
}

/** Empty for none; an undeclared prefix is none either. */
function namespaceOf(element: XmlElement): string {
  const prefix = element.name.includes(':') ? `:${element.name.slice(0, element.name.indexOf(':'))}` : '';
  for (let at: XmlNode | null = element; at instanceof XmlElement; at = at.parent) {
    const declared = at.attributes[`xmlns${prefix}`];
    if (declared !== undefined) return declared;
  }
  return '';
}

function bad(path: string, what: string): VmnetError {
  return new VmnetError('request', what, { where: path, hint: 'give it what libvirt writes' });
}
