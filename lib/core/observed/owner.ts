import { isLinkLocal } from '../model/address.ts';
import { tapOfChain } from '../model/chain-name.ts';
import { type Identity, isOurs, VMNET_PROTOCOL } from '../model/identity.ts';
import type { Ifname } from '../model/ifname.ts';
import type { KernelObject } from '../model/object.ts';

/**
 * Whether an object belongs to one of these taps alone. A proxy neighbour names no tap: it belongs to the one that has
 * its address, and the kernel itself says which, in the routes and in the filter.
 */
export function nicsOwn(
  taps: readonly Ifname[],
  observed: readonly KernelObject[],
): (object: KernelObject) => boolean {
  const names = new Set<string>(taps);
  const addresses = new Set(observed.filter(object => tapOf(object, names) !== undefined).flatMap(addressOf));
  return object =>
    (tapOf(object, names) !== undefined && !isGiven(object)) ||
    (object.kind === 'proxy-neighbour' && addresses.has(object.address.text));
}

/**
 * Whether an object on this node is vmnet's, whoever it was made for. A link-local address, a VLAN, and a route whose
 * protocol others may use too, are only so on a tap that our own tables know.
 */
export function nodeOwns(
  observed: readonly KernelObject[],
  identity: Identity,
): (object: KernelObject) => boolean {
  const taps = new Set(
    observed.flatMap(object =>
      object.kind === 'nft-element' && object.set === 'taps' ? [object.key[0] ?? ''] : [],
    ),
  );
  return object => {
    if (!isOurs(object, identity)) return false;
    const shared =
      object.kind === 'address' ||
      object.kind === 'bridge-vlan' ||
      (object.kind === 'route' && object.protocol !== VMNET_PROTOCOL);
    return !shared || tapOf(object, taps) !== undefined;
  };
}

/** An address that no NIC has of vmnet: a tap has a link-local one. */
function isGiven(object: KernelObject): boolean {
  return object.kind === 'address' && !isLinkLocal(object.address);
}

function tapOf(object: KernelObject, taps: ReadonlySet<string>): string | undefined {
  const name = deviceOf(object);
  return name !== undefined && taps.has(name) ? name : undefined;
}

function deviceOf(object: KernelObject): string | undefined {
  switch (object.kind) {
    case 'link-setting':
    case 'address':
    case 'fdb-entry':
    case 'bridge-vlan':
    case 'ovs-port':
      return object.ifname;
    case 'route':
    case 'proxy-neighbour':
      return object.dev;
    case 'sysctl':
      return object.path.split('/')[3];
    case 'nft-chain':
      return tapOfChain(object.chain);
    case 'nft-element':
      // The other sets are keyed by link group and uplink, and a tap may be named like either.
      return object.set.startsWith('tap') ? object.key[0] : undefined;
    default:
      return undefined;
  }
}

function addressOf(object: KernelObject): string[] {
  if (object.kind === 'route') return [object.prefix.address];
  return [];
}
