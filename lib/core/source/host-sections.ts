import { VmnetError } from '../errors.ts';
import { parseAddress } from '../model/address.ts';
import type {
  BondSection,
  BridgeSection,
  HostSection,
  OvsSection,
  VlanSection,
  VrfSection,
} from '../model/config.ts';
import { parseIfname } from '../model/ifname.ts';
import { headOf, readValues } from './config-schema.ts';
import * as value from './config-values.ts';
import type { IniSection } from './ini-file.ts';

const hostKeys = {
  addresses: value.list(value.hostAddress),
  gateway: value.address(4),
  gateway6: value.address(6),
  routes: value.hostRoutes,
  mtu: value.integer(68, 65_535),
};

const ports = value.list(value.ifname);

const bondKeys = {
  ...hostKeys,
  mode: value.oneOf(['active-backup', '802.3ad']),
  ports,
  primary: value.ifname,
  'xmit-hash-policy': value.oneOf(['layer2', 'layer2+3', 'layer3+4', 'encap2+3', 'encap3+4', 'vlan+srcmac']),
  'lacp-rate': value.oneOf(['slow', 'fast']),
  'min-links': value.integer(0, 255),
  miimon: value.integer(0, 60_000),
};

const vlanKeys = { ...hostKeys, parent: value.ifname, id: value.integer(1, 4094) };

const bridgeKeys = {
  ...hostKeys,
  ports,
  mac: value.bridgeMac,
  stp: value.yesNo,
  'forward-delay': value.delay,
  'multicast-snooping': value.yesNo,
  'multicast-querier': value.yesNo,
  'vlan-aware': value.yesNo,
  'default-pvid': value.integer(0, 4094),
};

const ovsKeys = { ...hostKeys, uplink: value.ifname, tag: value.integer(1, 4094), trunks: value.vlans };
const vrfKeys = {
  dns: value.list(parseAddress),
  services: value.list(value.service),
  scope: value.oneOf(['full', 'lan']),
  leak: value.subnets,
  strict: value.yesNo,
  accept: value.accept,
};

/** What Cumulus, ifupdown2 and most manuals have for it. */
const MANAGEMENT_TABLE = 1001;

/** Without a look at the carrier, a bond never notices that a port has lost it. */
const DEFAULT_MIIMON = 100;

export function readBond(ini: IniSection): BondSection {
  const values = readValues(ini, bondKeys);
  const needed = { mode: need(values.mode, 'mode', ini), ports: need(values.ports, 'ports', ini) };
  return { ...common(ini), miimon: DEFAULT_MIIMON, ...values, ...needed };
}

export function readVlan(ini: IniSection): VlanSection {
  const values = readValues(ini, vlanKeys);
  const needed = { parent: need(values.parent, 'parent', ini), id: need(values.id, 'id', ini) };
  return { ...common(ini), ...values, ...needed };
}

export function readBridge(ini: IniSection): BridgeSection {
  const defaults = { ports: [], stp: false, forwardDelay: 0, multicastSnooping: false, defaultPvid: 0 };
  return { ...common(ini), ...defaults, ...readValues(ini, bridgeKeys) };
}

export function readVrf(ini: IniSection, table: value.Parser<number>): VrfSection {
  const values = readValues(ini, { ...hostKeys, table, ports, unreachable: value.yesNo, ...vrfKeys });
  const none = { ports: [], dns: [], services: [], unreachable: true, scope: 'full' as const, leak: [] };
  const number = values.table ?? (ini.name === 'mgmt' ? MANAGEMENT_TABLE : undefined);
  return { ...common(ini), ...none, ...values, table: need(number, 'table', ini) };
}

export function readOvs(ini: IniSection): OvsSection {
  return { ...common(ini), trunks: [], ...readValues(ini, ovsKeys) };
}

function common(ini: IniSection): HostSection {
  const places = Object.fromEntries([...ini.entries.values()].map(({ key, where }) => [key, where]));
  return { ...headOf(ini, parseIfname), places, addresses: [], routes: [] };
}

function need<T>(given: T | undefined, key: string, { kind, name, where }: IniSection): T {
  if (given !== undefined) return given;
  throw new VmnetError('config', `[${kind} ${name}] needs ${key}`, {
    where,
    hint: `add ${key} = to the section`,
  });
}
