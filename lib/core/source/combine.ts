import { VmnetError } from '../errors.ts';
import type { NicRequest } from '../model/request.ts';

/** A request, and who says it. */
export interface Found {
  readonly where: string;
  readonly request: NicRequest;
}

/** What several say of one tap: what one leaves open another may tell, and where two differ nobody knows who is right. */
export function combineRequests(first: Found, others: readonly Found[]): NicRequest {
  return others.reduce(combine, first).request;
}

function combine(one: Found, other: Found): Found {
  const said = new Map(wordsOf(other.request));
  for (const [key, text] of wordsOf(one.request)) {
    const differs = said.get(key);
    if (differs === undefined || differs === text) continue;
    throw new VmnetError('request', `${key} is ${text} by ${one.where}, and ${differs} by ${other.where}`, {
      where: one.request.ifname,
      hint: 'remove or correct the one that is wrong, or give all of the NIC by hand',
    });
  }
  const [a, b] = [one.request, other.request];
  return {
    where: `${one.where} and ${other.where}`,
    request: {
      ...b,
      ...a,
      addresses: a.addresses.length > 0 ? a.addresses : b.addresses,
      tags: a.tags.length > 0 ? a.tags : b.tags,
      ...(a.nic === undefined && b.nic === undefined ? {} : { nic: { ...b.nic, ...a.nic } }),
      network: { ...b.network, ...a.network },
    },
  };
}

/** What is said, in words that are equal when what they say is. */
function wordsOf({ ifname: _, addresses, tags, nic, network, ...words }: NicRequest): [string, string][] {
  const lists = { addresses: addresses.map(address => address.text), tags };
  const filled = Object.entries(lists).filter(([, list]) => list.length > 0);
  const facts = Object.entries(network).map(([key, value]) => [`network ${key}`, value] as const);
  const identity = Object.entries(nic ?? {}).map(([key, value]) => [`NIC ${key}`, value] as const);
  return [...Object.entries(words), ...filled, ...identity, ...facts]
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => [key, wordOf(value)]);
}

function wordOf(value: unknown): string {
  if (Array.isArray(value)) return value.toSorted().join(' ');
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
