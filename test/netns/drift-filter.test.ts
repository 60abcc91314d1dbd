// Tables, chains, rules and elements of nftables that somebody deletes, changes or adds. See breakage.ts.
import { inside } from '../support/command.ts';
import { ADDRESS6, type Breakage, testBreakages } from './breakage.ts';
import { nft } from './steps.ts';

/** An element as nft takes it, and as check names it. */
const ELEMENTS: readonly (readonly [set: string, element: string, name: string])[] = [
  ['inet taps', '"tap0"', 'tap0'],
  ['inet tap_source4', '"tap0" . 192.0.2.10', 'tap0 . 192.0.2.10'],
  ['inet tap_source6', `"tap0" . ${ADDRESS6}`, `tap0 . ${ADDRESS6}`],
  ['inet tap_source6', '"tap0" . fe80::a800:ff:fe35:6d0a', 'tap0 . fe80::a800:ff:fe35:6d0a'],
  ['inet group_mark4', '993', '993'],
  ['inet group_mark6', '993', '993'],
  ['inet uplink_mark4', '"up0"', 'up0'],
  ['inet uplink_mark6', '"up0"', 'up0'],
  ['arp group_mark4', '993', '993'],
  ['arp group_gateway', '993', '993'],
  ['arp uplink_mark4', '"up0"', 'up0'],
  ['arp uplink_arp_source', '"up0"', 'up0'],
];

/** `inet taps` is `inet vmnet taps` to nft. */
function inTable(name: string): string {
  return name.replace(' ', ' vmnet ');
}

const MISSING = ELEMENTS.map(
  ([set, element, name]): Breakage => ({
    what: `element ${name} of ${set} deleted`,
    kind: 'nft-element',
    drift: 'missing',
    names: [`${set} ${name}`],
    by: node => nft(node, `delete element ${inTable(set)} { ${element} }`),
  }),
);

const CHANGED: readonly Breakage[] = [
  {
    what: 'sources that a tap may not have',
    kind: 'nft-element',
    drift: 'unexpected',
    names: ['tap0 . 192.0.2.77', 'tap0 . 2001:db8:993::77'],
    by: node =>
      nft(
        node,
        'add element inet vmnet tap_source4 { "tap0" . 192.0.2.77 }',
        'add element inet vmnet tap_source6 { "tap0" . 2001:db8:993::77 }',
      ),
  },
  ...(
    [
      ['arp group_gateway', '993', '10.9.9.1'],
      ['arp uplink_arp_source', '"up0"', '10.9.9.1'],
      ['inet group_mark4', '993', '994'],
      ['inet group_mark6', '993', '994'],
    ] as const
  ).map(
    ([set, key, value]): Breakage => ({
      what: `value in ${set}`,
      kind: 'nft-element',
      drift: 'changed',
      names: [`${set} ${key.replaceAll('"', '')}`],
      by: node =>
        nft(
          node,
          `delete element ${inTable(set)} { ${key} }`,
          `add element ${inTable(set)} { ${key} : ${value} }`,
        ),
    }),
  ),
];

const CHAINS = ['inet prerouting', 'inet from_tap4', 'inet from_tap6', 'arp input', 'arp output'].flatMap(
  (chain): readonly Breakage[] => {
    const found = { kind: 'nft-chain', drift: 'changed', names: [`nft-chain ${chain}`] } as const;
    return [
      {
        ...found,
        what: `a rule of ${chain} deleted`,
        by: async node => {
          const listed = await inside(node, ['nft', '-a', 'list', 'chain', ...inTable(chain).split(' ')]);
          const [, handle = ''] = /comment ".*" # handle (\d+)/.exec(listed.stdout) ?? [];
          await nft(node, `delete rule ${inTable(chain)} handle ${handle}`);
        },
      },
      {
        ...found,
        what: `a rule added to ${chain}`,
        by: node => nft(node, `insert rule ${inTable(chain)} accept`),
      },
      {
        ...found,
        what: `the rules of ${chain} replaced by another`,
        by: node => nft(node, `flush chain ${inTable(chain)}`, `add rule ${inTable(chain)} accept`),
      },
    ];
  },
);

const TABLES: readonly Breakage[] = [
  ...['inet', 'arp'].map(
    (family): Breakage => ({
      what: `table ${family} vmnet deleted`,
      kind: 'nft-table',
      drift: 'missing',
      names: [`nft-table ${family}`],
      by: node => nft(node, `delete table ${family} vmnet`),
    }),
  ),
  {
    what: 'a set of another type',
    kind: 'nft-set',
    drift: 'changed',
    names: ['nft-set arp group_gateway'],
    by: node =>
      nft(
        node,
        'flush chain arp vmnet output',
        'delete map arp vmnet group_gateway',
        'add map arp vmnet group_gateway { type devgroup : mark; }',
        'add element arp vmnet group_gateway { 993 : 5 }',
      ),
  },
  {
    what: 'a set that is still in use, of another type',
    kind: 'nft-set',
    drift: 'changed',
    names: ['nft-set inet tap_source4'],
    by: node =>
      nft(
        node,
        'flush chain inet vmnet from_tap4',
        'delete set inet vmnet tap_source4',
        'add set inet vmnet tap_source4 { type ipv4_addr . ifname; }',
        'add rule inet vmnet from_tap4 ip saddr . iifname @tap_source4 accept',
      ),
  },
];

testBreakages([...MISSING, ...CHANGED, ...CHAINS, ...TABLES]);
