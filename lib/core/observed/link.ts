import type { Address } from '../model/address.ts';
import type { Ifname } from '../model/ifname.ts';
import { BOND_SETTINGS, BRIDGE_SETTINGS, type Link, type MasterSetting } from '../model/link.ts';
import type { Mac } from '../model/mac.ts';
import { type KernelObject, type LinkSetting, PORT_SETTINGS, type PortSetting } from '../model/object.ts';
import { type IpQuestion, type IpRow, number, text } from './ip.ts';
import type { BridgeVlans, LinkFacts } from './query.ts';

export function linkQuestion(ifname: Ifname | 'all'): IpQuestion {
  return {
    line: ifname === 'all' ? 'address show' : `address show dev ${ifname}`,
    read: rows => ({ objects: rows.flatMap(linkObjects), links: rows.map(linkFacts) }),
  };
}

/** What a port of a bridge has, as far as this iproute2 knows it. */
function portSettings(row: IpRow): [PortSetting, string][] {
  const info = row.linkinfo as IpRow | undefined;
  if (info?.info_slave_kind !== 'bridge') return [];
  const data = (info.info_slave_data ?? {}) as IpRow;
  return PORT_SETTINGS.flatMap((name): [PortSetting, string][] => {
    const value = data[name === 'mcast_router' ? 'multicast_router' : name];
    if (value === undefined) return [];
    return [[name, typeof value === 'boolean' ? (value ? 'on' : 'off') : String(value)]];
  });
}

function linkFacts(row: IpRow): LinkFacts {
  const info = row.linkinfo as IpRow | undefined;
  // Whose datapath has it, Open vSwitch says, and `ip` neither sets nor ends that.
  const master = info?.info_slave_kind === 'openvswitch' ? '' : text(row.master);
  const type = kindOf(row);
  const parent = type === 'vlan' ? text(row.link) : '';
  const local = linkLocals(row)[0];
  return {
    ifname: text(row.ifname) as Ifname,
    ifindex: number(row.ifindex),
    mac: text(row.address) as Mac,
    mtu: number(row.mtu),
    up: ((row.flags as string[] | undefined) ?? []).includes('UP'),
    group: row.group === 'default' ? 0 : number(row.group),
    ...(master === '' ? {} : { master }),
    ...(type === '' ? {} : { type }),
    ...(parent === '' ? {} : { parent }),
    ...(local === undefined ? {} : { linkLocal: local }),
    ...bridgeVlans(row),
  };
}

/** With -N, ETH_P_8021Q and ETH_P_8021AD, in brackets. */
const VLAN_PROTOCOLS: Readonly<Record<string, string>> = { '[33024]': '802.1Q', '[34984]': '802.1ad' };

function bridgeVlans(row: IpRow): { readonly bridgeVlans?: BridgeVlans } {
  const info = row.linkinfo as IpRow | undefined;
  const data = (info?.info_kind === 'bridge' ? info.info_data : undefined) as IpRow | undefined;
  if (data?.vlan_default_pvid === undefined) return {};
  return {
    bridgeVlans: {
      filtering: number(data.vlan_filtering) === 1,
      protocol: VLAN_PROTOCOLS[text(data.vlan_protocol)] ?? text(data.vlan_protocol),
      defaultPvid: number(data.vlan_default_pvid),
    },
  };
}

function linkObjects(row: IpRow): KernelObject[] {
  const facts = linkFacts(row);
  const setting = (name: LinkSetting['setting'], value: string): LinkSetting => ({
    kind: 'link-setting',
    ifname: facts.ifname,
    setting: name,
    value,
  });
  return [
    linkObject(row, facts),
    setting('group', String(facts.group)),
    setting('mac', facts.mac),
    setting('mtu', String(facts.mtu)),
    { ...setting('master', facts.master ?? 'none'), ...(isBondPort(row) ? { restart: 'up' as const } : {}) },
    setting('state', facts.up ? 'up' : 'down'),
    ...portSettings(row).map(([name, value]) => setting(name, value)),
    ...masterSettings(row).map(([name, value]) => setting(name, value)),
    ...addressRows(row).map(one => ({
      kind: 'address' as const,
      ifname: facts.ifname,
      address: { family: one.family === 'inet' ? (4 as const) : (6 as const), text: text(one.local) },
      length: number(one.prefixlen),
      ...(one.dynamic === true ? { dynamic: true as const, lifetime: lifetimeOf(one) } : {}),
      ...(one.metric === undefined ? {} : { metric: number(one.metric) }),
    })),
  ];
}

function lifetimeOf(row: IpRow): string {
  return `valid_lft ${number(row.valid_life_time)} preferred_lft ${number(row.preferred_life_time)}`;
}

/** Who puts it back has to set it down for that. */
function isBondPort(row: IpRow): boolean {
  return (row.linkinfo as IpRow | undefined)?.info_slave_kind === 'bond';
}

function kindOf(row: IpRow): string {
  return text((row.linkinfo as IpRow | undefined)?.info_kind);
}

function linkObject(row: IpRow, { ifname, parent }: LinkFacts): Link {
  const type = kindOf(row);
  const data = ((row.linkinfo as IpRow | undefined)?.info_data ?? {}) as IpRow;
  const base = { kind: 'link' as const, ifname, type: type === '' ? 'device' : type };
  if (type === 'bond') return { ...base, mode: text(data.mode) };
  if (type === 'vrf') return { ...base, table: number(data.table) };
  if (type !== 'vlan') return base;
  const protocol = text(data.protocol);
  return {
    ...base,
    id: number(data.id),
    ...(parent === undefined ? {} : { parent: parent as Ifname }),
    ...(TAGGED.includes(protocol) ? {} : { protocol }),
  };
}

/** 0x8100, as -N has it printed and as it is without. */
const TAGGED = ['[33024]', '802.1Q'];

/** What only some modes of a bond have; in others it is printed as well, and refused. */
const ONLY_IN: Readonly<Partial<Record<MasterSetting, readonly string[]>>> = {
  lacp_rate: ['802.3ad'],
  primary: ['active-backup', 'balance-tlb', 'balance-alb'],
};

/** What a bond or a bridge has, as far as this iproute2 knows it; a bond prints no primary when it has none. */
function masterSettings(row: IpRow): [MasterSetting, string][] {
  const data = ((row.linkinfo as IpRow | undefined)?.info_data ?? {}) as IpRow;
  const type = kindOf(row);
  if (type === 'bond')
    return BOND_SETTINGS.filter(name => ONLY_IN[name]?.includes(text(data.mode)) !== false).flatMap(
      (name): [MasterSetting, string][] => {
        const value = name === 'lacp_rate' ? data.ad_lacp_rate : data[name];
        if (value === undefined) return name === 'primary' ? [[name, 'none']] : [];
        return [[name, text(value)]];
      },
    );
  if (type !== 'bridge') return [];
  return BRIDGE_SETTINGS.flatMap((name): [MasterSetting, string][] =>
    data[name] === undefined ? [] : [[name, text(data[name])]],
  );
}

function addressRows(row: IpRow): IpRow[] {
  const rows = (row.addr_info as IpRow[] | undefined) ?? [];
  return rows.filter(({ family }) => family === 'inet' || family === 'inet6');
}

function linkLocals(row: IpRow): Address[] {
  return addressRows(row)
    .filter(address => address.family === 'inet6' && text(address.local).startsWith('fe80:'))
    .map(address => ({ family: 6 as const, text: text(address.local) }));
}
