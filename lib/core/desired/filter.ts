import type { Settings } from '../model/config.ts';
import { macBytes } from '../model/mac.ts';
import type { Network, Nic } from '../model/network.ts';
import type { NftChain, NftElement, NftFamily, NftSet } from '../model/nft.ts';
import type { KernelObject } from '../model/object.ts';
import { profileElements } from './firewall.ts';
import { frameFilter } from './frame-filter.ts';
import { HEADERS } from './frames-ipv6.ts';
import { PASSED } from './guest.ts';
import { HOST } from './host-filter.ts';
import { chain, element, set } from './nft-text.ts';

/** What the NICs of one mode share. */
export function filterBase(mode: Nic['mode']): readonly KernelObject[] {
  const families = FAMILIES_OF[mode];
  return [
    ...families.map(family => ({ kind: 'nft-table' as const, family })),
    ...[...SETS, ...CHAINS].filter(object => families.includes(object.family)),
  ];
}

/** What a network adds to the maps; by its numbers alone, so that two networks on one uplink agree. */
export function filterOfNetwork(network: Network): readonly KernelObject[] {
  return network.families.flatMap((entry): KernelObject[] => {
    const mark = String(entry.table);
    const group = String(network.group);
    const marked = network.vrf === undefined;
    const inet = marked ? [element('inet', `uplink_mark${entry.family}`, [entry.uplink], mark)] : [];
    if (entry.family === 6) return inet;
    return [
      ...inet,
      ...(marked ? [element('arp', 'uplink_mark4', [entry.uplink], mark)] : []),
      ...(entry.gateway === undefined ? [] : [element('arp', 'group_gateway', [group], entry.gateway.text)]),
      ...(entry.arpSource === undefined
        ? []
        : [element('arp', 'uplink_arp_source', [entry.uplink], entry.arpSource.text)]),
    ];
  });
}

/** What a NIC adds: the chain of its own, and its name, by which it is closed where that chain is gone. */
export function filterOfNic(nic: Nic, settings: Settings): readonly KernelObject[] {
  const tap = nic.request.ifname;
  return [
    frameFilter(nic, settings),
    element(nic.mode === 'bridged' ? 'bridge' : 'inet', 'taps', [tap]),
    ...privateElements(nic),
    ...profileElements(nic),
    ...(nic.mode === 'routed' && nic.policy.isolated ? [element('inet', 'tap_isolated', [tap])] : []),
  ];
}

/** Of a private network among others on one bridge: whom the tap hears. */
function privateElements({ mode, request, policy }: Nic): readonly NftElement[] {
  if (mode !== 'bridged' || policy.macPrefix === undefined) return [];
  const { mac, mask } = policy.macPrefix;
  const last = macBytes(mac).map((byte, i) => byte | (~(macBytes(mask)[i] ?? 0) & 0xff));
  const range = `${mac}-${Array.from(last, byte => byte.toString(16).padStart(2, '0')).join(':')}`;
  return [
    element('bridge', 'tap_private', [request.ifname]),
    element('bridge', 'tap_peers', [request.ifname, range]),
  ];
}

/** What the guests of a network may reach on the host itself. */
export function servicesOf(nic: Nic): readonly KernelObject[] {
  // What comes to the host from a port of a VRF comes by the VRF, as from a bridge.
  const carrier = nic.mode === 'routed' ? nic.network.vrf : nic.bridge;
  const at = nic.mode === 'routed' && carrier === undefined ? String(nic.network.group) : (carrier ?? '');
  const set = carrier === undefined ? 'group_services' : 'bridge_services';
  const services = nic.policy.hostServices.map(({ protocol, port }) =>
    // nft -n prints protocols as numbers.
    element('inet', set, [at, protocol === 'tcp' ? '6' : '17', String(port)]),
  );
  if (nic.mode !== 'routed' || carrier !== undefined) return services;
  const subnets = nic.network.families.flatMap(({ family, subnet }) =>
    subnet === undefined ? [] : [element('inet', `group_subnet${family}`, [at, subnet.text])],
  );
  return [
    ...services,
    ...(services.length === 0 ? [] : subnets),
    ...(nic.network.hostAccess ? [element('inet', 'group_host_access', [at])] : []),
  ];
}

const FAMILIES_OF: Readonly<Record<Nic['mode'], readonly NftFamily[]>> = {
  routed: ['netdev', 'inet', 'arp'],
  bridged: ['netdev', 'bridge', 'inet'],
  // Open vSwitch takes a frame after the chain of the tap, and no bridge of the kernel sees it.
  openvswitch: ['netdev', 'inet'],
};

const SETS: readonly NftSet[] = [
  set('inet', 'taps', 'ifname'),
  set('inet', 'uplink_mark4', 'ifname : mark'),
  set('inet', 'uplink_mark6', 'ifname : mark'),
  set('arp', 'group_gateway', 'devgroup : ipv4_addr'),
  set('arp', 'uplink_mark4', 'ifname : mark'),
  set('arp', 'uplink_arp_source', 'ifname : ipv4_addr'),
  ...(['inet', 'bridge'] as const).flatMap(family => [
    set(family, 'tap_firewall', 'ifname : verdict'),
    set(family, 'tap_whitelist4', 'ifname . ipv4_addr', true),
    set(family, 'tap_whitelist6', 'ifname . ipv6_addr', true),
  ]),
  set('inet', 'tap_isolated', 'ifname'),
  set('inet', 'group_services', 'devgroup . inet_proto . inet_service'),
  set('inet', 'bridge_services', 'ifname . inet_proto . inet_service'),
  set('inet', 'group_subnet4', 'devgroup . ipv4_addr', true),
  set('inet', 'group_subnet6', 'devgroup . ipv6_addr', true),
  set('inet', 'group_host_access', 'devgroup'),
  set('bridge', 'taps', 'ifname'),
  set('bridge', 'tap_private', 'ifname'),
  set('bridge', 'tap_peers', 'ifname . ether_addr', true),
];

/** NF_IP_PRI_RAW: before connection tracking, so that a forged packet leaves no entry there. */
const RAW = -300;

/**
 * Packets of a network's uplink get the network's mark by the uplink's name, as those of its taps got it from the chain
 * of the tap: one lookup, however many NICs there are.
 */
const CHAINS: readonly NftChain[] = [
  HEADERS,
  chain(
    'inet',
    'prerouting',
    [
      ['meta nfproto ipv4 meta mark set iifname map @uplink_mark4 accept', 'uplinks'],
      ['meta nfproto ipv6 meta mark set iifname map @uplink_mark6 accept', 'uplinks'],
      ['meta mark 0 iifname @taps counter drop', 'a tap without its chain'],
    ],
    { name: 'prerouting', priority: RAW, policy: 'accept' },
  ),
  // ARP passes no ip hook. Without the mark the kernel would look its proxied addresses up in main, and answer nothing.
  chain('arp', 'input', [['meta mark set iifname map @uplink_mark4 accept', 'uplinks']], {
    name: 'input',
    priority: 0,
    policy: 'accept',
  }),
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
    { name: 'output', priority: 0, policy: 'accept' },
  ),
  chain(
    'bridge',
    'prerouting',
    [[`iifname @taps meta mark != ${PASSED} counter drop`, 'a tap without its chain']],
    { name: 'prerouting', priority: RAW, policy: 'accept' },
  ),
  chain(
    'bridge',
    'postrouting',
    [
      [
        'oifname @tap_private oifname . ether saddr != @tap_peers counter drop',
        'from a MAC of another network',
      ],
    ],
    { name: 'postrouting', priority: 0, policy: 'accept' },
  ),
  chain('bridge', 'input', [['iifname @tap_private counter drop', 'a private network, to the host']], {
    name: 'input',
    priority: 0,
    policy: 'accept',
  }),
  chain(
    'inet',
    'forward',
    [
      // A port's packets come by the VRF's name. Out of it, main would route them, by the management network as likely as not.
      [`meta mark ${PASSED} iifname @taps counter drop`, 'a tap outside its VRF'],
      ['iifname @tap_isolated oifname @tap_isolated counter drop', 'isolated'],
      ['meta sdifname @tap_isolated oifname @tap_isolated counter drop', 'isolated, in a VRF'],
      ['oifname vmap @tap_firewall', 'firewall'],
    ],
    { name: 'forward', priority: 0, policy: 'accept' },
  ),
  chain('bridge', 'forward', [['oifname vmap @tap_firewall', 'firewall']], {
    name: 'forward',
    priority: 0,
    policy: 'accept',
  }),
  HOST,
];

/**
 * Chains as they were read, with the text of each rule that is one of ours, or of `known`: what is put back must be
 * said in full.
 */
export function withRuleTexts(
  objects: readonly KernelObject[],
  known: readonly KernelObject[],
): readonly KernelObject[] {
  const chains = [...CHAINS, ...known.flatMap(object => (object.kind === 'nft-chain' ? [object] : []))];
  const texts = new Map(
    chains.flatMap(one => one.rules.map(({ comment, text }) => [`${one.chain} ${comment}`, text] as const)),
  );
  return objects.map(object => {
    if (object.kind !== 'nft-chain') return object;
    const rules = object.rules.flatMap(({ comment }) => {
      const text = texts.get(`${object.chain} ${comment}`);
      return text === undefined ? [] : [{ text, comment }];
    });
    const device = chains.find(one => one.chain === object.chain)?.hook?.device;
    return object.hook === undefined || device === undefined
      ? { ...object, rules }
      : { ...object, hook: { ...object.hook, device }, rules };
  });
}
