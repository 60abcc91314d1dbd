import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { filterBase } from '../../lib/core/desired/filter.ts';
import { type Family, parseAddress, parsePrefix } from '../../lib/core/model/address.ts';
import { parseIfname } from '../../lib/core/model/ifname.ts';
import type { NftChain } from '../../lib/core/model/nft.ts';
import type { KernelObject, LinkSetting } from '../../lib/core/model/object.ts';
import type { Step } from '../../lib/core/plan/plan.ts';
import { render } from '../../lib/core/plan/render.ts';

const at = 'test';
const tap0 = parseIfname('tap0', at);
const up0 = parseIfname('up0', at);
const tools = (steps: readonly Step[]) => render(steps).map(batch => batch.tool);
const lines = (steps: readonly Step[]) => render(steps).flatMap(batch => batch.lines.map(line => line.text));
const add = (object: KernelObject): Step => ({ op: 'add', object });
const del = (object: KernelObject): Step => ({ op: 'delete', object });
const change = (object: KernelObject, was: KernelObject): Step => ({ op: 'change', object, was });

const setting = (name: LinkSetting['setting'], value: string, ifname = tap0): LinkSetting => ({
  kind: 'link-setting',
  ifname,
  setting: name,
  value,
});
const element: KernelObject = { kind: 'nft-element', family: 'inet', set: 'taps', key: ['tap0'] };
const sysctl = (path: string, value: string): KernelObject => ({ kind: 'sysctl', path, value });
const rp = (value: string) => sysctl('net/ipv4/conf/tap0/rp_filter', value);
const rule = (family: Family, table = 993): KernelObject => ({
  kind: 'rule',
  family,
  preference: 900,
  fwmark: 993,
  action: { do: 'lookup', table },
  protocol: 2,
});

function route(prefix: string, more: { dev?: typeof tap0; via?: string } = {}): KernelObject {
  const parsed = parsePrefix(prefix, at);
  return {
    kind: 'route',
    table: 993,
    prefix: parsed,
    type: more.dev === undefined ? 'unreachable' : 'unicast',
    ...(more.dev === undefined ? {} : { dev: more.dev }),
    ...(more.via === undefined ? {} : { via: parseAddress(more.via, at) }),
    metric: more.dev === undefined ? 4278198272 : parsed.family === 4 ? 0 : 1024,
    protocol: 118,
  };
}

const proxy = (address: string, dev = up0): KernelObject => ({
  kind: 'proxy-neighbour',
  address: parseAddress(address, at),
  dev,
  protocol: 118,
});

describe('the order of the batches', () => {
  const up = change(setting('state', 'up'), setting('state', 'down'));
  const down = change(setting('state', 'down'), setting('state', 'up'));
  const rows: readonly (readonly [string, readonly Step[], readonly string[]])[] = [
    ['nothing to do', [], []],
    [
      'the filter closes first',
      [up, change(rp('1'), rp('0')), add(rule(6)), add(element)],
      ['nft', 'sysctl', 'ip6', 'ip'],
    ],
    [
      'the filter opens last',
      [del(element), down, change(rp('0'), rp('1')), del(rule(6))],
      ['sysctl', 'ip', 'ip6', 'nft'],
    ],
    [
      'both: it closes first',
      [del(element), add({ ...element, set: 'taps', key: ['tap1'] }), up],
      ['nft', 'ip'],
    ],
    ['rules of IPv6 before links, and after them when they go', [add(rule(6)), up], ['ip6', 'ip']],
    ['rules of IPv4 go with the rest', [add(rule(4)), up], ['ip']],
  ];
  for (const [what, steps, expected] of rows)
    test(what, () => {
      assert.deepEqual(tools(steps), expected);
      assert.deepEqual(tools(steps.toReversed()), expected);
    });
});

describe('the order of lines', () => {
  test('a NIC comes: rules, link, routes toward it, what leads by a gateway, then it is answered for', () => {
    const steps = [
      add(proxy('192.0.2.5')),
      add(route('0.0.0.0/0', { dev: up0, via: '192.0.2.1' })),
      add(route('192.0.2.5/32', { dev: tap0 })),
      change(setting('state', 'up'), setting('state', 'down')),
      add(rule(4)),
    ];
    assert.deepEqual(lines(steps), [
      'rule add preference 900 from all fwmark 993 lookup 993 protocol 2',
      'link set dev tap0 up',
      'route add 192.0.2.5/32 dev tap0 table 993 protocol 118 scope link',
      'route add 0.0.0.0/0 via 192.0.2.1 dev up0 onlink table 993 protocol 118',
      'neigh replace proxy 192.0.2.5 dev up0 nud permanent protocol 118',
    ]);
  });

  test('a NIC goes: what stops its packets is there until the tap has left its group', () => {
    const gone = [
      del(rule(4)),
      change(setting('group', '0'), setting('group', '993')),
      del(route('::/0')),
      del(route('2001:db8:993::5/128', { dev: tap0 })),
      del(proxy('2001:db8:993::5')),
    ];
    assert.deepEqual(lines(gone), [
      'neigh del proxy 2001:db8:993::5 dev up0',
      'route del 2001:db8:993::5/128 dev tap0 table 993 metric 1024 protocol 118',
      'link set dev tap0 group 0',
      'route del unreachable ::/0 table 993 metric 4278198272 protocol 118',
      'rule del preference 900 from all fwmark 993 lookup 993 protocol 2',
    ]);
  });

  test('where IPv6 is switched off, what it takes along is deleted before', () => {
    const off = sysctl('net/ipv6/conf/tap0/disable_ipv6', '1');
    const steps = [
      change(off, sysctl('net/ipv6/conf/tap0/disable_ipv6', '0')),
      del(route('2001:db8:993::5/128', { dev: tap0 })),
      del(route('192.0.2.5/32', { dev: tap0 })),
    ];
    assert.deepEqual(lines(steps), [
      'route del 2001:db8:993::5/128 dev tap0 table 993 metric 1024 protocol 118',
      'net/ipv6/conf/tap0/disable_ipv6=1',
      'route del 192.0.2.5/32 dev tap0 table 993 protocol 118 scope link',
    ]);
  });
});

test('the settings of one link are one line, the group before the state; each link has its own', () => {
  const steps = [
    add(setting('state', 'up')),
    add(setting('mtu', '9000')),
    add(setting('own-mac', '52:54:00:00:00:03', parseIfname('br0', at))),
    add(setting('master', 'br0')),
    add(setting('mac', 'fe:00:00:35:6d:05')),
    add(setting('group', '0')),
  ];
  assert.deepEqual(lines(steps), [
    'link set dev tap0 group 0 address fe:00:00:35:6d:05 mtu 9000 master br0 up',
    'link set dev br0 address 52:54:00:00:00:03',
  ]);
  assert.deepEqual(lines([add(setting('master', 'none'))]), ['link set dev tap0 nomaster']);
});

test('a change: routes and entries are replaced; a rule is added before the old one goes', () => {
  const rows: readonly (readonly [Step, readonly string[]])[] = [
    [
      change(route('192.0.2.5/32', { dev: tap0 }), route('192.0.2.5/32', { dev: up0 })),
      ['route replace 192.0.2.5/32 dev tap0 table 993 protocol 118 scope link'],
    ],
    [
      change(route('2001:db8:993::5/128', { dev: tap0 }), route('2001:db8:993::5/128', { dev: up0 })),
      ['route replace 2001:db8:993::5/128 dev tap0 table 993 metric 1024 protocol 118'],
    ],
    ...([4, 6] as const).map(
      family =>
        [
          change(rule(family, 994), rule(family)),
          [
            'rule add preference 900 from all fwmark 993 lookup 994 protocol 2',
            'rule del preference 900 from all fwmark 993 lookup 993 protocol 2',
          ],
        ] as const,
    ),
  ];
  for (const [step, expected] of rows) assert.deepEqual(lines([step]), expected);
});

describe('nft', () => {
  const base = filterBase('routed');
  const chains = base.filter((object): object is NftChain => object.kind === 'nft-chain');

  test('everything is declared before a rule or an element needs it', () => {
    const text = lines([element, ...base.toReversed()].map(add));
    const at = (pattern: RegExp) => text.findIndex(line => pattern.test(line));
    const last = (pattern: RegExp) => text.findLastIndex(line => pattern.test(line));
    assert.ok(last(/^add table/) < at(/^add (set|map)/));
    assert.ok(last(/^add (set|map|chain)/) < at(/^add rule/));
    assert.ok(last(/^add rule/) < at(/^add element/));
    assert.equal(
      text.filter(line => line.startsWith('add rule')).length,
      chains.flatMap(one => one.rules).length,
    );
  });

  test('a chain is replaced as a whole, in place; with another hook it is made anew', () => {
    const [first] = chains.filter(chain => chain.hook !== undefined);
    assert.ok(first?.hook !== undefined);
    const was: NftChain = { ...first, rules: [] };
    const name = `${first.family} vmnet ${first.chain}`;
    assert.equal(lines([change(first, was)])[0], `flush chain ${name}`);
    assert.ok(!lines([change(first, was)]).includes(`delete chain ${name}`));
    const moved = lines([change(first, { ...was, hook: { ...first.hook, priority: 7 } })]);
    assert.deepEqual(
      moved.slice(0, 2).map(line => line.split(' ').slice(0, 2).join(' ')),
      ['flush chain', 'delete chain'],
    );
  });

  test('a thousand elements of one set are one line; another value is delete and add', () => {
    const taps = Array.from({ length: 1000 }, (_, n) =>
      add({ ...element, key: [`tap${n}`] } as KernelObject),
    );
    assert.equal(lines(taps).length, 1);
    const mark = (value: string): KernelObject =>
      ({ ...element, set: 'group_gateway', key: ['993'], value }) as KernelObject;
    assert.deepEqual(lines([change(mark('994'), mark('993'))]), [
      'delete element inet vmnet group_gateway { 993 : 993 }',
      'add element inet vmnet group_gateway { 993 : 994 }',
    ]);
  });

  test('names of links are quoted, groups and addresses are not', () => {
    const rows: readonly (readonly [readonly string[], string])[] = [
      [['tap0'], '{ "tap0" }'],
      [['up.993'], '{ "up.993" }'],
      [['tap0', '2001:db8::5'], '{ "tap0" . 2001:db8::5 }'],
    ];
    for (const [key, body] of rows)
      assert.ok(lines([add({ ...element, key } as KernelObject)])[0]?.endsWith(body));
  });

  test('a table that goes takes all of it along, and nothing of it is named', () => {
    const steps = [...base, element].map(del);
    assert.deepEqual(lines(steps), [
      'delete table netdev vmnet',
      'delete table inet vmnet',
      'delete table arp vmnet',
    ]);
  });
});
