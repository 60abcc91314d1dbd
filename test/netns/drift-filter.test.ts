// Tables, chains, rules and elements of nftables that somebody deletes, changes or adds. See breakage.ts.
import { inside } from '../support/command.ts';
import { type Breakage, testBreakages } from './breakage.ts';
import { nft } from './steps.ts';

/** Elements as nft takes them, and as check names them; those of a row go together. */
const ELEMENTS: readonly (readonly (readonly [set: string, element: string, name: string])[])[] = [
  [['inet taps', '"tap0"', 'tap0']],
  [['inet group_host_access', '993', '993']],
  [
    ['inet uplink_mark4', '"up0"', 'up0'],
    ['inet uplink_mark6', '"up0"', 'up0'],
  ],
  [['arp uplink_mark4', '"up0"', 'up0']],
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
    kind: 'nft-chain',
    drift: 'changed',
    names: ['nft-chain netdev from-tap0'],
    by: node =>
      nft(
        node,
        'insert rule netdev vmnet from-tap0 ip saddr 192.0.2.77 accept',
        'insert rule netdev vmnet from-tap0 ip6 saddr 2001:db8:993::77 accept',
      ),
  },
  {
    what: 'the filter of a tap that lets pass what it does not know',
    kind: 'nft-chain',
    drift: 'changed',
    names: ['nft-chain netdev from-tap0'],
    by: node => nft(node, 'chain netdev vmnet from-tap0 { policy accept; }'),
  },
  {
    what: 'services of the host that nobody has opened',
    kind: 'nft-element',
    drift: 'unexpected',
    names: ['inet group_services 993 . 6 . 22'],
    by: node => nft(node, 'add element inet vmnet group_services { 993 . 6 . 22 }'),
    mend: 'gc',
  },
  ...[
    [
      ['arp group_gateway', '993', '10.9.9.1'],
      ['arp uplink_arp_source', '"up0"', '10.9.9.1'],
    ],
    [
      ['inet uplink_mark4', '"up0"', '994'],
      ['inet uplink_mark6', '"up0"', '994'],
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
  ['netdev from-tap0', 'netdev headers'],
  ['inet input', 'inet forward'],
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
  ...['netdev', 'inet', 'arp'].map(
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
    names: ['nft-set inet taps'],
    by: node =>
      nft(
        node,
        'flush chain inet vmnet prerouting',
        'flush chain inet vmnet input',
        'flush chain inet vmnet forward',
        'delete set inet vmnet taps',
        'add set inet vmnet taps { type ipv4_addr; }',
        'add rule inet vmnet prerouting ip saddr @taps accept',
      ),
  },
];

testBreakages([...MISSING, ...CHANGED, ...CHAINS, ...TABLES]);
