import { quoted, VmnetError } from '../errors.ts';

declare const macBrand: unique symbol;
/** Six lower-case hex pairs with colons, as the kernel prints them. */
export type Mac = string & { readonly [macBrand]: true };

/** Parses a unicast MAC address. */
export function parseMac(text: string, where: string): Mac {
  const mac = text.toLowerCase();
  if (!/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/.test(mac)) {
    throw new VmnetError('request', `${quoted(text)} is no MAC address`, {
      where,
      hint: 'write it as aa:00:00:35:6d:01',
    });
  }
  if ((Number.parseInt(mac.slice(0, 2), 16) & 1) === 1) {
    throw new VmnetError('request', `${mac} is a multicast MAC address, which no NIC can have`, {
      where,
      hint: 'the lowest bit of the first byte must be 0',
    });
  }
  if (mac === '00:00:00:00:00:00') {
    throw new VmnetError('request', 'an all-zero MAC address is no address', {
      where,
      hint: 'give the MAC of the NIC',
    });
  }
  return mac as Mac;
}

/**
 * The MAC for the host's end of a bridged tap. A bridge without a pinned address adopts the lowest MAC
 * among its ports, so the first byte is fe; and it must differ from the guest's own, or the bridge would
 * deliver the guest's frames to the host.
 */
export function bridgePortMac(guest: Mac): Mac {
  const tail = guest.slice(2);
  return (guest.startsWith('fe') ? `fa${tail}` : `fe${tail}`) as Mac;
}

/** The MAC's six bytes. */
export function macBytes(mac: Mac): Uint8Array {
  return Uint8Array.from(mac.split(':'), pair => Number.parseInt(pair, 16));
}
