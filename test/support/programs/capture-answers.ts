// Captures what `ip` and `nft` answer to the questions of lib/core/observed, for test/fixtures/kernel, in the network
// namespace that it is in: `ip netns exec NS node test/support/programs/capture-answers.ts`. By hand, on a new kernel or
// iproute2 or nftables; the tests only read what it wrote.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAddress, parsePrefix } from '../../../lib/core/model/address.ts';
import { parseIfname } from '../../../lib/core/model/ifname.ts';
import {
  type IpQuestion,
  proxyQuestion,
  routeQuestion,
  ruleQuestion,
} from '../../../lib/core/observed/ip.ts';
import { linkQuestion } from '../../../lib/core/observed/link.ts';
import { attach } from '../../../lib/run/attach.ts';
import { answers, tool } from '../real-tools.ts';
import { realWorld } from '../real-world.ts';
import { bridged, routed } from '../world.ts';

const DIR = join(import.meta.dirname, '../../fixtures/kernel');
const at = 'capture';
const link = (name: string) => parseIfname(name, at);

const DEFAULT = { 4: '0.0.0.0/0', 6: '::/0' };

const QUESTIONS: readonly (readonly [4 | 6, IpQuestion])[] = [
  ...['tap0', 'tap1', 'br0', 'up6'].map(name => [4, linkQuestion(link(name))] as const),
  ...([4, 6] as const).flatMap(family => {
    const table = family === 4 ? 994 : 1994;
    const host = family === 4 ? '198.51.100.5/32' : '2001:db8:994::5/128';
    return [
      { family, table, dev: link('tap0') },
      { family, table, dev: link(family === 4 ? 'up1' : 'up6') },
      { family, table, prefix: parsePrefix(host, at) },
      { family, table, prefix: parsePrefix(DEFAULT[family], at) },
      { family, table },
      { family, protocol: 118 },
    ].map(query => [family, routeQuestion(query)] as const);
  }),
  [4, ruleQuestion(4)],
  [6, ruleQuestion(6)],
  [4, proxyQuestion({ address: parseAddress('198.51.100.5', at) })],
  [4, proxyQuestion({ address: parseAddress('2001:db8:994::5', at) })],
  [4, proxyQuestion({ dev: link('tap0') })],
  [4, proxyQuestion({ protocol: 118 })],
];

const world = realWorld();
try {
  for (const tap of ['tap0', 'tap1']) await world.makeTap(tap);
  await attach(world.context, routed('tap0', 5, { network: 'apart' }), { dryRun: false });
  await attach(world.context, bridged('tap1', 6), { dryRun: false });
  await world.ip('route add 203.0.113.0/24 via 198.51.100.9 dev up1 onlink table 994 metric 50 protocol 4');
  await world.ip('neigh replace proxy 203.0.113.7 dev up1 nud permanent protocol 4');
  await world.ip('rule add preference 100 from all fwmark 7 unreachable protocol 4');
  await world.nft('add table inet other', 'add set inet other taps { type ifname; }');
  mkdirSync(DIR, { recursive: true });
  const found = QUESTIONS.map(([family, { line }]) => ({
    family,
    line,
    rows: answers(family, [line])[0] ?? [],
  }));
  writeFileSync(join(DIR, 'answers.json'), `[\n${found.map(one => JSON.stringify(one)).join(',\n')}\n]\n`);
  const { nftables } = JSON.parse(tool('nft', ['-n', '-j', 'list', 'ruleset'])) as {
    nftables: readonly unknown[];
  };
  writeFileSync(
    join(DIR, 'nft.json'),
    `{"nftables": [\n${nftables.map(one => JSON.stringify(one)).join(',\n')}\n]}\n`,
  );
} finally {
  world.close();
}
