import { linkLocal } from '../model/address.ts';
import type { Network, RoutedNic } from '../model/network.ts';
import type { KernelObject, NftChain, NftElement, NftFamily, NftRule, NftSet } from '../model/object.ts';

/**
 * The nft tables. Packets of a network's taps and of its uplink get the network's mark, by link group and by link name:
 * one lookup each, however many NICs there are. A packet from a tap must come from an address of that tap; a tap that
 * has a name in `taps` but has lost its group (it was made anew) is closed.
 */
export function filterBase(): readonly KernelObject[] {
  return [{ kind: 'nft-table', family: 'inet' }, { kind: 'nft-table', family: 'arp' }, ...SETS, ...CHAINS];
}

/** What a network adds to the maps; by its numbers alone, so that two networks on one uplink agree. */
export function filterOfNetwork(network: Network): readonly KernelObject[] {
  return network.families.flatMap((entry): KernelObject[] => {
    const mark = String(entry.table);
    const group = String(network.group);
    const inet = [
      element('inet', `group_mark${entry.family}`, [group], mark),
      element('inet', `uplink_mark${entry.family}`, [entry.uplink], mark),
    ];
    if (entry.family === 6) return inet;
    return [
      ...inet,
      element('arp', 'group_mark4', [group], mark),
      element('arp', 'uplink_mark4', [entry.uplink], mark),
      ...(entry.gateway === undefined ? [] : [element('arp', 'group_gateway', [group], entry.gateway.text)]),
      ...(entry.arpSource === undefined
        ? []
        : [element('arp', 'uplink_arp_source', [entry.uplink], entry.arpSource.text)]),
    ];
  });
}

/** What a NIC adds: its name, and each address that it may send from. */
export function filterOfNic(nic: RoutedNic): readonly KernelObject[] {
  const tap = nic.request.ifname;
  const six = nic.addresses.some(address => address.family === 6);
  const local = six && nic.request.mac !== undefined ? [linkLocal(nic.request.mac)] : [];
  return [
    element('inet', 'taps', [tap]),
    ...[...nic.addresses, ...local].map(address =>
      element('inet', `tap_source${address.family}`, [tap, address.text]),
    ),
  ];
}

function element(family: NftFamily, set: string, key: readonly string[], value?: string): NftElement {
  return { kind: 'nft-element', family, set, key, ...(value === undefined ? {} : { value }) };
}

const SETS: readonly NftSet[] = [
  set('inet', 'taps', 'ifname'),
  set('inet', 'tap_source4', 'ifname . ipv4_addr'),
  set('inet', 'tap_source6', 'ifname . ipv6_addr'),
  set('inet', 'group_mark4', 'devgroup : mark'),
  set('inet', 'group_mark6', 'devgroup : mark'),
  set('inet', 'uplink_mark4', 'ifname : mark'),
  set('inet', 'uplink_mark6', 'ifname : mark'),
  set('arp', 'group_mark4', 'devgroup : mark'),
  set('arp', 'group_gateway', 'devgroup : ipv4_addr'),
  set('arp', 'uplink_mark4', 'ifname : mark'),
  set('arp', 'uplink_arp_source', 'ifname : ipv4_addr'),
];

/** NF_IP_PRI_RAW: before connection tracking, so that a forged packet leaves no entry there. */
const RAW = -300;

const CHAINS: readonly NftChain[] = [
  chain('inet', 'from_tap4', [
    ['iifname . ip saddr @tap_source4 meta mark set iifgroup map @group_mark4 accept', 'own address'],
    ['ip saddr 0.0.0.0 ip daddr 255.255.255.255 udp sport 68 udp dport 67 accept', 'asks for a lease'],
    ['counter drop', 'foreign address'],
  ]),
  chain('inet', 'from_tap6', [
    ['iifname . ip6 saddr @tap_source6 meta mark set iifgroup map @group_mark6 accept', 'own address'],
    [
      'ip6 saddr :: icmpv6 type { nd-neighbor-solicit, nd-router-solicit, mld2-listener-report } accept',
      'has no address yet',
    ],
    ['counter drop', 'foreign address'],
  ]),
  chain(
    'inet',
    'prerouting',
    [
      ['meta nfproto ipv4 meta mark set iifname map @uplink_mark4 accept', 'uplinks'],
      ['meta nfproto ipv6 meta mark set iifname map @uplink_mark6 accept', 'uplinks'],
      ['iifgroup 0 iifname != @taps accept', 'not of vmnet'],
      ['meta nfproto vmap { ipv4 : goto from_tap4, ipv6 : goto from_tap6 }', 'taps'],
    ],
    { name: 'prerouting', priority: RAW },
  ),
  // ARP passes no ip hook. Without the mark the kernel would look its proxied addresses up in main, and answer nothing.
  chain(
    'arp',
    'input',
    [
      ['meta mark set iifname map @uplink_mark4 accept', 'uplinks'],
      ['meta mark set iifgroup map @group_mark4', 'taps'],
    ],
    { name: 'input', priority: 0 },
  ),
  // The host has no address in the VMs' subnet: its requests would carry one from its management network.
  chain(
    'arp',
    'output',
    [
      ['arp operation request arp saddr ip set oifgroup map @group_gateway', 'the gateway asks the VM'],
      [
        'arp operation request arp saddr ip set oifname map @uplink_arp_source',
        'arp-source asks the segment',
      ],
    ],
    { name: 'output', priority: 0 },
  ),
];

/** Chains as they were read, with the text of each rule that is one of ours: what is put back must be said in full. */
export function withRuleTexts(objects: readonly KernelObject[]): readonly KernelObject[] {
  const texts = new Map(
    CHAINS.flatMap(one => one.rules.map(({ comment, text }) => [`${one.chain} ${comment}`, text] as const)),
  );
  return objects.map(object => {
    if (object.kind !== 'nft-chain') return object;
    const rules = object.rules.flatMap(({ comment }) => {
      const text = texts.get(`${object.chain} ${comment}`);
      return text === undefined ? [] : [{ text, comment }];
    });
    return { ...object, rules };
  });
}

function set(family: NftFamily, name: string, type: string): NftSet {
  return { kind: 'nft-set', family, set: name, type };
}

function chain(
  family: NftFamily,
  name: string,
  rules: readonly (readonly [string, string])[],
  hook?: NftChain['hook'],
): NftChain {
  return {
    kind: 'nft-chain',
    family,
    chain: name,
    ...(hook === undefined ? {} : { hook }),
    rules: rules.map(([text, words]) => rule(text, words)),
  };
}

function rule(text: string, words: string): NftRule {
  return { text, comment: `${words} #${digest(text)}` };
}

/** FNV-1a, 32 bits: tells one version of a rule from another, and no more is asked of it. */
function digest(text: string): string {
  let hash = 0x811c9dc5;
  for (const character of text) hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193) >>> 0;
  return hash.toString(16).padStart(8, '0');
}
