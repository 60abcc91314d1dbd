// Rows as `ip -N -d -j` prints them, of a machine that a test describes, through the readers that vmnet has.
import { importHost } from '../../lib/core/import/import-host.ts';
import { importText } from '../../lib/core/import/text.ts';
import { identityOf } from '../../lib/core/model/identity.ts';
import type { KernelObject } from '../../lib/core/model/object.ts';
import { vlanQuestion } from '../../lib/core/observed/bridge.ts';
import { type IpRow, routeQuestion, ruleQuestion } from '../../lib/core/observed/ip.ts';
import { linkQuestion } from '../../lib/core/observed/link.ts';
import type { LinkFacts, Observed } from '../../lib/core/observed/query.ts';
import { parse, TABLES } from './parse-config.ts';

export interface Machine {
  readonly links: readonly IpRow[];
  readonly routes?: readonly IpRow[];
  readonly rules?: readonly IpRow[];
  readonly vlans?: readonly IpRow[];
  /** Bridges that keep the MAC that they have. */
  readonly pinned?: readonly string[];
}

function observedOf({ links, routes = [], rules = [], vlans = [], pinned = [] }: Machine): Observed {
  const numbered = links.map((row, i): IpRow => ({ ifindex: i + 1, group: 'default', ...row }));
  const read = linkQuestion('all').read(numbered);
  const isSix = (row: IpRow): boolean =>
    row.pref !== undefined || JSON.stringify([row.dst, row.src, row.gateway]).includes(':');
  const [four, six] = [routes.filter(row => !isSix(row)), routes.filter(isSix)];
  return {
    objects: [
      ...read.objects,
      ...read.links.flatMap(facts => ownMac(facts, pinned)),
      ...routeQuestion({ family: 4 }).read(four).objects,
      ...routeQuestion({ family: 6 }).read(six.map(row => ({ pref: 'medium', metric: 1024, ...row })))
        .objects,
      ...ruleQuestion(4).read(rules.filter(row => !isSix(row))).objects,
      ...ruleQuestion(6).read(rules.filter(isSix)).objects,
      ...vlanQuestion('all').read(vlans).objects,
    ],
    links: new Map(read.links.map(facts => [facts.ifname, facts])),
  };
}

function ownMac({ ifname, mac, type }: LinkFacts, pinned: readonly string[]): readonly KernelObject[] {
  if (type !== 'bridge') return [];
  const value = pinned.includes(ifname) ? mac : 'adopted';
  return [{ kind: 'link-setting', ifname, setting: 'own-mac', value }];
}

/** A link that is up; `kind` and `data` as in linkinfo. */
export function link(ifname: string, kind?: string, data: IpRow = {}, more: IpRow = {}): IpRow {
  const linkinfo = kind === undefined ? {} : { linkinfo: { info_kind: kind, info_data: data } };
  return { ifname, address: '52:54:00:00:00:01', mtu: 1500, flags: ['UP'], ...linkinfo, ...more };
}

export const BRIDGE: IpRow = {
  forward_delay: 0,
  stp_state: 0,
  mcast_snooping: 0,
  mcast_querier: 0,
  vlan_filtering: 0,
  vlan_default_pvid: 1,
  vlan_protocol: '[33024]',
};
export const BACKUP: IpRow = {
  mode: 'active-backup',
  miimon: 100,
  min_links: 0,
  xmit_hash_policy: 'layer2',
  ad_lacp_rate: 'slow',
};

/** `addr_info` of these. */
export function addresses(...texts: readonly string[]): IpRow {
  return {
    addr_info: texts.map(text => {
      const [local, length, dynamic] = text.split(/[/ ]/);
      return {
        family: text.includes(':') ? 'inet6' : 'inet',
        local,
        prefixlen: Number(length),
        ...(dynamic === undefined ? {} : { dynamic: true }),
      };
    }),
  };
}

/** A port of hardware. */
export function port(ifname: string, master: string, kind: string, more: IpRow = {}): IpRow {
  return link(ifname, undefined, {}, { master, linkinfo: { info_slave_kind: kind }, ...more });
}

/** As `ip route add` makes it. */
export function route(dst: string, dev: string, more: IpRow = {}): IpRow {
  return { dst, dev, protocol: 3, ...more };
}

/** The file that describes a machine, which has been read again without an error. */
export function importedFrom(machine: Machine): string {
  const text = importText(importHost(observedOf(machine), TABLES, identityOf(parse('').settings)));
  parse(text);
  return text;
}
