// Rules, routes and proxy neighbours that somebody deletes, changes or adds. See breakage.ts.
import { ip } from '../support/command.ts';
import type { Node } from '../support/datacentre.ts';
import { ADDRESS6, type Breakage } from './breakage.ts';

type Family = 4 | 6;
const FAMILIES = [4, 6] as const;
const EVERYWHERE = { 4: '0.0.0.0/0', 6: '::/0' } as const;
const SUBNET = { 4: '192.0.2.0/24', 6: '2001:db8:993::/64' } as const;
const HOST = { 4: '192.0.2.10/32', 6: `${ADDRESS6}/128` } as const;
const STRANGER = { 4: '192.0.2.99/32', 6: '2001:db8:993::99/128' } as const;
const LAST_METRIC = '4278198272';

async function both(node: Node, words: (family: Family) => readonly string[]): Promise<void> {
  for (const family of FAMILIES) await ip(node, `-${family}`, ...words(family));
}

function ruleGone(what: string, preference: string): Breakage {
  return {
    what: `${what} deleted`,
    kind: 'rule',
    drift: 'missing',
    names: FAMILIES.map(family => `rule ${family} ${preference} `),
    by: node => both(node, () => ['rule', 'delete', 'preference', preference]),
  };
}

export const RULES: readonly Breakage[] = [
  ruleGone('mark rule', '900'),
  ruleGone('host-access rule', '901'),
  ruleGone('rule past the guards', '902'),
  ruleGone('guard', '903'),
  ruleGone('end of the guards', '904'),
  {
    what: 'mark rule that looks elsewhere',
    kind: 'rule',
    drift: 'changed',
    names: FAMILIES.map(family => `rule ${family} 900 `),
    by: async node => {
      await both(node, () => ['rule', 'delete', 'preference', '900']);
      const rule = ['preference', '900', 'fwmark', '993', 'lookup', '254', 'protocol', 'kernel'];
      await both(node, () => ['rule', 'add', ...rule]);
    },
  },
];

export const RULE_OF_NOBODY: Breakage = {
  what: 'rule of a network that is not there',
  kind: 'rule',
  drift: 'unexpected',
  names: FAMILIES.map(family => `rule ${family} 900 from all fwmark 77`),
  by: node => {
    const rule = ['preference', '900', 'fwmark', '77', 'lookup', '77', 'protocol', 'kernel'];
    return both(node, () => ['rule', 'add', ...rule]);
  },
  mend: 'gc',
};

function routeGone(
  what: string,
  prefix: Readonly<Record<Family, string>>,
  words: (prefix: string) => readonly string[],
  name = '',
): Breakage {
  return {
    what: `${what} deleted`,
    kind: 'route',
    drift: 'missing',
    names: FAMILIES.map(family => `route 993 ${prefix[family]} metric ${name}`),
    by: node => both(node, family => ['route', 'delete', ...words(prefix[family]), 'table', '993']),
  };
}

export const ROUTES: readonly Breakage[] = [
  routeGone(
    'unreachable default',
    EVERYWHERE,
    prefix => ['unreachable', prefix, 'metric', LAST_METRIC],
    LAST_METRIC,
  ),
  routeGone('subnet route', SUBNET, prefix => [prefix]),
  routeGone('default route', EVERYWHERE, prefix => [prefix, 'dev', 'up0']),
  routeGone('route of the VM', HOST, prefix => [prefix]),
  {
    what: 'route of the VM by another device',
    kind: 'route',
    drift: 'changed',
    names: FAMILIES.map(family => `route 993 ${HOST[family]} `),
    by: async node => {
      await both(node, family => ['route', 'delete', HOST[family], 'table', '993']);
      await both(node, family => [
        'route',
        'add',
        HOST[family],
        'dev',
        'up0',
        'table',
        '993',
        'protocol',
        '118',
      ]);
    },
  },
  {
    what: 'another route out of the tap',
    kind: 'route',
    drift: 'unexpected',
    names: FAMILIES.map(family => STRANGER[family]),
    by: node =>
      both(node, family => [
        'route',
        'add',
        STRANGER[family],
        'dev',
        'tap0',
        'table',
        '993',
        'protocol',
        '118',
      ]),
  },
  {
    what: 'proxy neighbours of the VM deleted',
    kind: 'proxy-neighbour',
    drift: 'missing',
    names: ['192.0.2.10 dev up0', `${ADDRESS6} dev up0`],
    by: async node => {
      for (const address of ['192.0.2.10', ADDRESS6])
        await ip(node, 'neighbour', 'delete', 'proxy', address, 'dev', 'up0');
    },
  },
  {
    what: 'proxy neighbour of the gateway deleted',
    kind: 'proxy-neighbour',
    drift: 'missing',
    names: ['2001:db8:993::1 dev tap0'],
    by: node => ip(node, 'neighbour', 'delete', 'proxy', '2001:db8:993::1', 'dev', 'tap0'),
  },
  {
    what: 'proxy neighbours of nobody',
    kind: 'proxy-neighbour',
    drift: 'unexpected',
    names: ['192.0.2.99 dev up0', '2001:db8:993::99 dev up0'],
    by: async node => {
      for (const address of ['192.0.2.99', '2001:db8:993::99'])
        await ip(node, 'neighbour', 'add', 'proxy', address, 'dev', 'up0', 'protocol', '118');
    },
    mend: 'gc',
  },
];
