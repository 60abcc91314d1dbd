import { byKey, type KernelObject, type LinkSetting } from '../core/model/object.ts';
import { fdbQuestion, vlanQuestion } from '../core/observed/bridge.ts';
import { withOwnSubnets } from '../core/observed/host-scope.ts';
import { type IpAnswer, proxyQuestion, routeQuestions, ruleQuestion } from '../core/observed/ip.ts';
import { linkQuestion } from '../core/observed/link.ts';
import type { LinkFacts, Observed, Query } from '../core/observed/query.ts';
import type { Batch } from '../core/plan/render.ts';
import { startAnnouncer } from './announce.ts';
import { loadBonding } from './bonding.ts';
import { keepsMac } from './bridge.ts';
import { type IpSession, openBridge } from './iproute2.ts';
import { linkTest } from './link-test.ts';
import { type NftSession, openNft } from './nftables.ts';
import { ANNOUNCE_AGAIN, closeSessions, openSessions, type Started, take } from './start.ts';
import { readSysctls, writeSysctls } from './sysctl.ts';
import { readVlanLinks } from './vlan.ts';

/**
 * Carries the batches out in their order and reads the kernel back. Processes are what an attach costs, so `ip` is
 * started once a run, and what can be read at the same time is.
 */
export async function exchange(
  started: Started,
  batches: readonly Batch[],
  query: () => Query,
): Promise<Observed> {
  try {
    return await exchangeNow(started, batches, query);
  } catch (thrown) {
    // A session has ended with what it was refused, and undo needs another.
    closeSessions(started);
    throw thrown;
  }
}

async function exchangeNow(
  started: Started,
  batches: readonly Batch[],
  toRead: () => Query,
): Promise<Observed> {
  // The first batch is on its way before what to read is asked for.
  const [tookMs, query] = await Promise.all([change(started, batches), later(toRead)]);
  return { ...(await read(started, batches, query)), tookMs };
}

/** A throw of its own is a rejection, too: whoever waits for several hears of it. */
async function later<T>(work: () => T): Promise<T> {
  return work();
}

/** Returns how long `ip` took, in ms. */
async function change(started: Started, batches: readonly Batch[]): Promise<number> {
  started.ip ??= openSessions();
  const ip = started.ip;
  let tookMs = 0;
  for (const batch of batches) {
    if (batch.tool === 'sysctl') writeSysctls(batch.lines);
    if (batch.tool === 'nft') await nftOf(started).change(batch.lines);
    if (batch.tool === 'ip6') await ip.six.exchange(batch.lines, []);
    if (batch.tool === 'bridge') await bridgeOf(started).exchange(batch.lines, []);
    if (batch.tool === 'ovs') await (await openvswitch()).changeOvs(batch.lines);
    if (batch.tool !== 'ip') continue;
    if (batch.lines.some(({ text }) => MAKES_BOND.test(text))) await loadBonding();
    const begin = process.uptime();
    await ip.four.exchange(batch.lines, []);
    tookMs += (process.uptime() - begin) * 1000;
  }
  return tookMs;
}

async function read(started: Started, batches: readonly Batch[], query: Query): Promise<Observed> {
  started.ip ??= openSessions();
  const ip = started.ip;
  const there = present(query);
  const reading = Promise.all([
    ports(started, there),
    query.ovs === undefined
      ? undefined
      : openvswitch().then(({ readPorts }) => readPorts(query.ovs ?? 'any')),
    filter(started, batches, query),
    ip.four.exchange([], questions4(there)),
    ip.six.exchange([], questions6(there)),
  ]);
  // Ready by the time that the kernel has answered. Bridged NICs have no routes, and are announced by their hypervisor.
  if (started.up === true && batches.length > 0 && query.routes.length > 0)
    started.announcer ??= startAnnouncer(ANNOUNCE_AGAIN);
  const [entries, ovs, tables, first, second] = await reading;
  const all = [
    ...first.objects,
    ...second.objects,
    ...tables,
    ...entries.objects,
    ...(ovs?.ports ?? []),
    ...(ovs?.bridges ?? []),
    ...readSysctls(query.sysctls),
    ...bridges(first.links),
  ];
  return {
    objects: withOwnSubnets([...byKey(all).values()]),
    links: new Map(first.links.map(facts => [facts.ifname, facts])),
    ...(query.vlans === undefined ? {} : { vlanLinks: readVlanLinks() }),
    ...(ovs === undefined ? {} : { ovsBridges: ovs.bridges.map(({ ifname }) => ifname) }),
  };
}

const MAKES_BOND = /^link add .*\btype bond\b/;

/** Only who has to do with it loads it. */
function openvswitch(): Promise<typeof import('./openvswitch.ts')> {
  return import('./openvswitch.ts');
}

const NONE: IpAnswer = { objects: [], links: [] };

/** What `ip` does not tell of the ports of bridges. */
async function ports(started: Started, { fdb, vlans = [] }: Query): Promise<IpAnswer> {
  const questions = [
    ...fdb.map(fdbQuestion),
    ...(vlans === 'all' ? [vlanQuestion('all')] : vlans.map(vlanQuestion)),
  ];
  return questions.length === 0 ? NONE : bridgeOf(started).exchange([], questions);
}

function bridgeOf(started: Started): IpSession {
  started.bridge ??= openBridge();
  return started.bridge;
}

function nftOf(started: Started): NftSession {
  started.nft ??= openNft(started.stateDir);
  return started.nft;
}

/** What was read at the start is what there is until we change it. */
async function filter(
  started: Started,
  batches: readonly Batch[],
  { nft: queries, elementsOf }: Query,
): Promise<readonly KernelObject[]> {
  if (queries.length === 0) return [];
  const early = take(started, 'filter');
  const same = JSON.stringify(early?.queries) === JSON.stringify(queries);
  if (batches.length === 0 && early !== undefined && same) return early.objects;
  // What nft complains of belongs to the question that it had last.
  await early?.objects.catch(() => undefined);
  return nftOf(started).read(queries, elementsOf);
}

/** A question about a link that is not there would end a batch; what has no device is not there either. */
function present(query: Query): Query {
  const isLink = linkTest();
  const links = query.links === 'all' ? query.links : query.links.filter(isLink);
  return {
    ...query,
    links,
    fdb: query.fdb.filter(isLink),
    ...(query.vlans === undefined || query.vlans === 'all' ? {} : { vlans: query.vlans.filter(isLink) }),
    routes: query.routes.filter(route => route.dev === undefined || isLink(route.dev)),
    proxies: query.proxies.filter(proxy => !('dev' in proxy) || isLink(proxy.dev)),
  };
}

/** What a bridge does with the MAC of a port that joins is in no netlink message. */
function bridges(links: readonly LinkFacts[]): readonly LinkSetting[] {
  return links
    .filter(facts => facts.type === 'bridge')
    .map(({ ifname, mac }) => ({
      kind: 'link-setting',
      ifname,
      setting: 'own-mac',
      value: keepsMac(ifname) ? mac : 'adopted',
    }));
}

type Questions = readonly ReturnType<typeof linkQuestion>[];

/** Without -6, `ip` asks about IPv4 where it must choose, and takes the family from an address where one is given. */
function questions4(query: Query): Questions {
  return [
    ...(query.links === 'all' ? [linkQuestion('all')] : query.links.map(linkQuestion)),
    ...routeQuestions(query.routes.filter(route => route.family === 4)),
    ...(query.rules ? [ruleQuestion(4)] : []),
    ...query.proxies.map(proxyQuestion),
  ];
}

function questions6(query: Query): Questions {
  return [
    ...routeQuestions(query.routes.filter(route => route.family === 6)),
    ...(query.rules ? [ruleQuestion(6)] : []),
  ];
}
