import type { Ifname } from '../model/ifname.ts';
import type { KernelObject } from '../model/object.ts';

/** For a tap of which no record tells what it was: in no network, in no bridge, and down, so that nothing passes. */
export function restingSettings(tap: Ifname): readonly KernelObject[] {
  return [
    { kind: 'link-setting', ifname: tap, setting: 'group', value: '0' },
    { kind: 'link-setting', ifname: tap, setting: 'master', value: 'none' },
    { kind: 'link-setting', ifname: tap, setting: 'state', value: 'down' },
  ];
}
