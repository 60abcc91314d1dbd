// Tables, chains, rules and elements of nftables that somebody deletes, changes or adds. See breakage.ts.
import { inside } from '../support/command.ts';
import { ADDRESS6, type Breakage, testBreakages } from './breakage.ts';
import { nft } from './steps.ts';

/** Elements as nft takes them, and as check names them; those of a row go together. */
const ELEMENTS: readonly (readonly (readonly [set: string, element: string, name: string])[])[] = [
  [['inet taps', '"tap0"', 'tap0']],
  [
    ['inet tap_source4', '"tap0" . 192.0.2.10', 'tap0 . 192.0.2.10'],
    ['inet tap_source6', `"tap0" . ${ADDRESS6}`, `tap0 . ${ADDRESS6}`],
  ],
  [['inet tap_source6', '"tap0" . fe80::a800:ff:fe35:6d0a', 'tap0 . fe80::a800:ff:fe35:6d0a']],
  [
    ['inet group_mark4', '993', '993'],
    ['inet group_mark6', '993', '993'],
  ],
  [
    ['inet uplink_mark4', '"up0"', 'up0'],
    ['inet uplink_mark6', '"up0"', 'up0'],
  ],
  [
    ['arp group_mark4', '993', '993'],
    ['arp uplink_mark4', '"up0"', 'up0'],
  ],
  [
    ['arp group_gateway', '993', '993'],
    ['arp uplink_arp_source', '"up0"', 'up0'],
  ],
];

/** `inet taps` is `inet vmnet taps` to nft. */
function inTable(name: string): string {
  return name.replace(' ', ' vmnet ');
}

const MISSING = ELEMENTS.map(
  (elements): Breakage => ({
    what: `deleted: element of ${elements.map(([set, , name]) => `${set} ${name}`).join(', of ')}`,
    kind: 'nft-element',
    drift: 'missing',
    names: elements.map(([set, , name]) => `${set} ${name}`),
    by: node =>
      nft(node, ...elements.map(([set, element]) => `delete element ${inTable(set)} { ${element} }`)),
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
  ...[
    [
      ['arp group_gateway', '993', '10.9.9.1'],
      ['arp uplink_arp_source', '"up0"', '10.9.9.1'],
    ],
    [
      ['inet group_mark4', '993', '994'],
      ['inet group_mark6', '993', '994'],
    ],
  ].map(
    (elements): Breakage => ({
      what: `another value in ${elements.map(([set]) => set).join(' and ')}`,
      kind: 'nft-element',
      drift: 'changed',
      names: elements.map(([set, key]) => `${set} ${key?.replaceAll('"', '')}`),
      by: node =>
        nft(
          node,
          ...elements.flatMap(([set = '', key, value]) => [
            `delete element ${inTable(set)} { ${key} }`,
            `add element ${inTable(set)} { ${key} : ${value} }`,
          ]),
        ),
    }),
  ),
];

const CHAINS = [
  ['inet prerouting'],
  ['inet from_tap4', 'inet from_tap6'],
  ['arp input', 'arp output'],
].flatMap((chains): readonly Breakage[] => {
  const found = {
    kind: 'nft-chain',
    drift: 'changed',
    names: chains.map(chain => `nft-chain ${chain}`),
  } as const;
  const names = chains.join(' and ');
  return [
    {
      ...found,
      what: `a rule of ${names} deleted`,
      by: async node => {
        for (const chain of chains) {
          const listed = await inside(node, ['nft', '-a', 'list', 'chain', ...inTable(chain).split(' ')]);
          const [, handle = ''] = /comment ".*" # handle (\d+)/.exec(listed.stdout) ?? [];
          await nft(node, `delete rule ${inTable(chain)} handle ${handle}`);
        }
      },
    },
    {
      ...found,
      what: `a rule added to ${names}`,
      by: node => nft(node, ...chains.map(chain => `insert rule ${inTable(chain)} accept`)),
    },
    {
      ...found,
      what: `the rules of ${names} replaced by another`,
      by: node =>
        nft(
          node,
          ...chains.flatMap(chain => [`flush chain ${inTable(chain)}`, `add rule ${inTable(chain)} accept`]),
        ),
    },
  ];
});

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
