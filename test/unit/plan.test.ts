import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseAddress, parsePrefix } from '../../lib/core/model/address.ts';
import { type Identity, identityOf, isOurs } from '../../lib/core/model/identity.ts';
import { parseIfname } from '../../lib/core/model/ifname.ts';
import { parseMac } from '../../lib/core/model/mac.ts';
import type { KernelObject } from '../../lib/core/model/object.ts';
import { foreignInTheWay, plan, stepText } from '../../lib/core/plan/plan.ts';

const at = 'test';
const settings = {
  tapMac: parseMac('02:76:6d:6e:65:74', at),
  rulePreference: 900,
  guard: 'subnet',
  profiles: [],
} as const;
const identity = identityOf({ ...settings, routeProtocol: 118 });
const tap0 = parseIfname('tap0', at);
const up0 = parseIfname('up0', at);

function route(prefix: string, dev: typeof tap0, protocol: number): KernelObject {
  const parsed = parsePrefix(prefix, at);
  const metric = parsed.family === 4 ? 0 : 1024;
  return { kind: 'route', table: 993, prefix: parsed, type: 'unicast', dev, metric, protocol };
}

function rule(family: 4 | 6, preference: number, table: number, protocol = 2): KernelObject {
  return { kind: 'rule', family, preference, fwmark: 993, action: { do: 'lookup', table }, protocol };
}

function proxy(address: string, protocol: number): KernelObject {
  return { kind: 'proxy-neighbour', address: parseAddress(address, at), dev: up0, protocol };
}

const sysctl = (value: string): KernelObject => ({
  kind: 'sysctl',
  path: 'net/ipv4/conf/tap0/rp_filter',
  value,
});
const element = (value: string): KernelObject => ({
  kind: 'nft-element',
  family: 'inet',
  set: 'group_gateway',
  key: ['993'],
  value,
});

interface Row {
  readonly what: string;
  readonly observed: readonly KernelObject[];
  readonly desired: readonly KernelObject[];
  readonly ops: readonly string[];
  readonly inTheWay?: number;
  readonly identity?: Identity;
}

const both = (four: string, six: string, rows: (address: string) => readonly Row[]): readonly Row[] => [
  ...rows(four),
  ...rows(six),
];

const ROWS: readonly Row[] = [
  { what: 'nothing', observed: [], desired: [], ops: [] },
  {
    what: 'a setting changes and is never deleted',
    observed: [sysctl('0')],
    desired: [sysctl('1')],
    ops: ['change'],
  },
  { what: 'a setting that nobody wants stays', observed: [sysctl('0')], desired: [], ops: [] },
  { what: 'an element of a map changes', observed: [element('1')], desired: [element('2')], ops: ['change'] },
  { what: 'an element that nobody wants goes', observed: [element('1')], desired: [], ops: ['delete'] },
  ...both('192.0.2.5/32', '2001:db8:993::5/128', address => [
    { what: `${address} is missing`, observed: [], desired: [route(address, tap0, 118)], ops: ['add'] },
    { what: `${address} is too much`, observed: [route(address, tap0, 118)], desired: [], ops: ['delete'] },
    { what: `${address} of somebody else stays`, observed: [route(address, tap0, 4)], desired: [], ops: [] },
    {
      what: `${address} needs our protocol, which route daemons go by`,
      observed: [route(address, tap0, 4)],
      desired: [route(address, tap0, 118)],
      ops: ['change'],
      inTheWay: 1,
    },
    {
      what: `${address} moves from one tap to another`,
      observed: [route(address, parseIfname('tap1', at), 118)],
      desired: [route(address, tap0, 118)],
      ops: ['change'],
      inTheWay: 0,
    },
    {
      what: `${address} with a shared protocol`,
      observed: [route(address, tap0, 4)],
      desired: [],
      ops: ['delete'],
      identity: identityOf({ ...settings, routeProtocol: 4 }),
    },
  ]),
  ...both('192.0.2.0/24', '2001:db8:993::/64', subnet => [
    {
      what: `${subnet} of somebody else is as good`,
      observed: [route(subnet, up0, 4)],
      desired: [route(subnet, up0, 118)],
      ops: [],
    },
    {
      what: `${subnet} of somebody else leads elsewhere`,
      observed: [route(subnet, tap0, 4)],
      desired: [route(subnet, up0, 118)],
      ops: ['change'],
      inTheWay: 1,
    },
    {
      what: `${subnet} with a shared protocol is no VM's`,
      observed: [route(subnet, up0, 4)],
      desired: [],
      ops: [],
      identity: identityOf({ ...settings, routeProtocol: 4 }),
    },
  ]),
  ...([4, 6] as const).flatMap((family): readonly Row[] => [
    {
      what: `a rule of ours, IPv${family}`,
      observed: [rule(family, 900, 993)],
      desired: [],
      ops: ['delete'],
    },
    { what: `another preference, IPv${family}`, observed: [rule(family, 910, 993)], desired: [], ops: [] },
    { what: `another protocol, IPv${family}`, observed: [rule(family, 900, 993, 4)], desired: [], ops: [] },
    {
      what: `a rule changes its table, IPv${family}`,
      observed: [rule(family, 900, 993)],
      desired: [rule(family, 900, 994)],
      ops: ['change'],
    },
  ]),
  ...both('192.0.2.5', '2001:db8:993::5', address => [
    {
      what: `a proxy entry of ours, ${address}`,
      observed: [proxy(address, 118)],
      desired: [],
      ops: ['delete'],
    },
    { what: `a proxy entry of others, ${address}`, observed: [proxy(address, 0)], desired: [], ops: [] },
    {
      what: `one that is as good, ${address}`,
      observed: [proxy(address, 0)],
      desired: [proxy(address, 118)],
      ops: [],
    },
  ]),
];

for (const { what, observed, desired, ops, inTheWay, ...row } of ROWS) {
  test(what, () => {
    const { steps } = plan(observed, desired, row.identity ?? identity);
    assert.deepEqual(
      steps.map(step => step.op),
      ops,
    );
    if (inTheWay !== undefined)
      assert.equal(foreignInTheWay(steps, row.identity ?? identity).length, inTheWay);
    for (const step of steps) {
      if (step.op === 'delete') assert.ok(isOurs(step.object, row.identity ?? identity));
      assert.doesNotMatch(stepText(step), /\n/);
    }
  });
}

test('of two objects with one key the later is wanted', () => {
  const { steps } = plan([sysctl('0')], [sysctl('0'), sysctl('1')], identity);
  assert.deepEqual(
    steps.map(step => step.op),
    ['change'],
  );
});
