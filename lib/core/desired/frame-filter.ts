import { chainOf } from '../model/chain-name.ts';
import type { Settings } from '../model/config.ts';
import type { Nic } from '../model/network.ts';
import type { NftChain } from '../model/nft.ts';
import type { FilterLevel } from '../model/policy.ts';
import { arpRules, ipv4Rules, rarpRules } from './frames-ipv4.ts';
import { ipv6Rules } from './frames-ipv6.ts';
import { type Guest, groupOf, guestOf } from './guest.ts';
import { chain, type RuleWords } from './nft-text.ts';

/** Before whatever others hang there. */
const PRIORITY = -500;

/**
 * What a VM may send, in one chain at the tap itself: before the bridge, ARP and IP see a frame, and alike for bridged
 * and routed NICs. What it accepts it marks; what carries no mark is stopped further on, so that a NIC whose chain is
 * gone, since kernels before Linux 6.16 drop it with its link, is closed.
 */
export function frameFilter(nic: Nic, settings: Settings): NftChain {
  const guest = guestOf(nic, settings);
  const tap = nic.request.ifname;
  return chain(
    'netdev',
    chainOf(tap),
    [
      // A link that was made anew is in none. Not by its index, for which nft looks all links up, each time.
      [`iifgroup != ${groupOf(nic)} counter drop`, 'not attached'],
      ...LEVELS[nic.policy.filter](guest),
    ],
    { name: 'ingress', priority: PRIORITY, policy: 'drop', device: tap },
  );
}

const LEVELS: Readonly<Record<FilterLevel, (guest: Guest) => readonly RuleWords[]>> = {
  full: guest => [
    ...macRule(guest),
    // By `ether type`, which a tagged frame cannot evade as it does other matches.
    ...tagRules(guest),
    ...privateRule(guest),
    ...markRules(guest),
    ...ipv4Rules(guest),
    ...ipv6Rules(guest),
    ...arpRules(guest),
    ...rarpRules(guest),
    ['counter drop', 'of no known type'],
  ],
  mac: guest => [
    ...macRule(guest),
    // Tags would lead into other VLANs, and an LLC header hides what is inside.
    ...tagRules(guest),
    ['ether type < 1536 counter drop', 'LLC'],
    ['ether daddr & ff:ff:ff:ff:ff:f0 == 01:80:c2:00:00:00 counter drop', 'protocols of switches'],
    ...(guest.mac === undefined
      ? []
      : [[`arp saddr ether != ${guest.mac} counter drop`, 'ARP of another MAC'] as const]),
    ...privateRule(guest),
    ...markRules(guest),
    ['accept', 'anything else'],
  ],
  none: guest => [...privateRule(guest), ...markRules(guest), ['accept', 'anything']],
};

/**
 * The kernel has taken the tag off before the chain is run: what a frame carries is matched as that of any other. One
 * within another stays, and would hide what is inside.
 */
function tagRules({ tags }: Guest): readonly RuleWords[] {
  const others: readonly RuleWords[] = [['ether type 8021ad counter drop', 'tagged']];
  if (tags.length === 0) return [['ether type 8021q counter drop', 'tagged'], ...others];
  return [
    [`ether type 8021q vlan id != { ${tags.join(', ')} } counter drop`, 'of a VLAN that is not its own'],
    ['ether type 8021q vlan type { 8021q, 8021ad } counter drop', 'tagged twice'],
    ...others,
  ];
}

function macRule({ mac }: Guest): RuleWords[] {
  return mac === undefined ? [] : [[`ether saddr != ${mac} counter drop`, 'foreign MAC']];
}

/** What it sends to one MAC stays among those that agree with it; what it sends to all, the bridge sorts out. */
function privateRule({ macPrefix }: Guest): RuleWords[] {
  if (macPrefix === undefined) return [];
  const { mac, mask } = macPrefix;
  const unicast = 'ether daddr & 01:00:00:00:00:00 == 00:00:00:00:00:00';
  return [[`${unicast} ether daddr & ${mask} != ${mac} counter drop`, 'to a MAC of another network']];
}

/** Set before it is known whether the frame passes: what does not needs none. */
function markRules({ marks }: Guest): RuleWords[] {
  const rule = `meta mark set ${marks[4]}`;
  return marks[4] === marks[6]
    ? [[rule, 'its network']]
    : [
        [rule, 'its network'],
        [`meta protocol ip6 meta mark set ${marks[6]}`, 'its network'],
      ];
}
