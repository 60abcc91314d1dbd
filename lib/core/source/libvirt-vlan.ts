import type { XmlElement } from '@rgrove/parse-xml';
import { quoted, VmnetError } from '../errors.ts';
import { parseVlan } from './request-words.ts';
import { attributeOf, childOf, childrenOf } from './xml.ts';

/** <vlan> of an interface in the words of a request: `.10`, `:10:20`, and `.10:20` with one that is untagged. */
export function vlanOfInterface(element: XmlElement, where: string): string | undefined {
  const vlan = childOf(childOf(element, 'actual'), 'vlan') ?? childOf(element, 'vlan');
  if (vlan === undefined) return undefined;
  const tags = childrenOf(vlan, 'tag').map(tag => ({
    id: attributeOf(tag, 'id') ?? '',
    native: attributeOf(tag, 'nativeMode'),
  }));
  const odd = tags.find(({ native }) => native !== undefined && native !== 'untagged');
  if (odd !== undefined) {
    throw new VmnetError(
      'request',
      `a native VLAN that is ${quoted(odd.native ?? '')} is Open vSwitch's alone`,
      {
        where,
        hint: "write nativeMode='untagged'",
      },
    );
  }
  const native = tags.filter(tag => tag.native !== undefined).map(({ id }) => `.${id}`);
  const tagged = tags.filter(tag => tag.native === undefined).map(({ id }) => id);
  const trunk = attributeOf(vlan, 'trunk') === 'yes' || tags.length > 1 || native.length > 0;
  return parseVlan(
    trunk ? `${native.join('')}${tagged.map(id => `:${id}`).join('')}` : `.${tagged.join('')}`,
    where,
  );
}
