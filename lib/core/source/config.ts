import { quoted, VmnetError } from '../errors.ts';
import { parseAddress } from '../model/address.ts';
import type {
  BondSection,
  BridgeSection,
  Config,
  FirewallProfile,
  NetworkSection,
  Settings,
  VlanSection,
  VrfSection,
} from '../model/config.ts';
import { parseIfname } from '../model/ifname.ts';
import { type Mac, parseMac } from '../model/mac.ts';
import { NIC_MODES } from '../model/request.ts';
import { checkHostSections, checkNetworks, type Placed } from './config-checks.ts';
import { parseInConfig, readValues } from './config-schema.ts';
import * as value from './config-values.ts';
import { type IniSection, readIni } from './ini-file.ts';
import { policyKeys } from './policy-schema.ts';
import { lookUpTable, MAX_TABLE } from './rt-tables.ts';
import { hintFor, nearest } from './suggest.ts';

/** Locally administered, and spells `vmnet`. */
const TAP_MAC = '02:76:6d:6e:65:74' as Mac;

const KINDS: readonly string[] = ['vmnet', 'network', 'bond', 'vlan', 'bridge', 'vrf'];

const settingsKeys = {
  'tap-mac': parseMac,
  'route-protocol': value.integer(4, 255),
  // From 32000 on stand the rules of `guard = strict` and the kernel's own.
  'rule-preference': value.rulePreference,
  guard: value.oneOf(['subnet', 'strict']),
  'log-file': value.absolutePath,
};

function networkKeys(rtTables: ReadonlyMap<string, number>) {
  const tableText: value.Parser<string> = (text, where) => {
    parseTable(text, rtTables, where);
    return text;
  };
  return {
    mode: value.oneOf(NIC_MODES),
    link: value.word,
    table: tableText,
    table6: tableText,
    uplink: value.ifname,
    uplink6: value.ifname,
    group: value.integer(1, MAX_TABLE),
    subnet: value.subnet(4),
    gateway: value.address(4),
    subnet6: value.subnet(6),
    gateway6: value.address(6),
    'arp-source': value.address(4),
    'vlan-uplinks': value.list(value.ifname),
    'host-access': value.yesNo,
    probe: value.yesNo,
    ...policyKeys,
  };
}

const hostKeys = {
  addresses: value.list(value.hostAddress),
  gateway: value.address(4),
  gateway6: value.address(6),
  mtu: value.integer(68, 65_535),
};

const bondKeys = {
  ...hostKeys,
  mode: value.oneOf(['active-backup', '802.3ad']),
  ports: value.list(value.ifname),
  primary: value.ifname,
  'xmit-hash-policy': value.oneOf(['layer2', 'layer2+3', 'layer3+4', 'encap2+3', 'encap3+4', 'vlan+srcmac']),
};

const vlanKeys = { ...hostKeys, parent: value.ifname, id: value.integer(1, 4094) };

const bridgeKeys = { ...hostKeys, ports: value.list(value.ifname) };

function vrfKeys(rtTables: ReadonlyMap<string, number>) {
  return {
    ...hostKeys,
    table: (text: string, where: string) => parseTable(text, rtTables, where),
    ports: value.list(value.ifname),
    dns: value.list(parseAddress),
    services: value.list(value.service),
  };
}

/**
 * Reads the configuration from the texts of its files, in their order. `rtTables` are the names of routing tables, see
 * parseRtTables(). Any error has exit `config` and `FILE:LINE`.
 */
export function parseConfig(
  files: readonly { readonly path: string; readonly text: string }[],
  rtTables: ReadonlyMap<string, number>,
  profiles: readonly FirewallProfile[] = [],
): Config {
  const sections = readIni(files);
  for (const section of sections) checkHead(section);
  const placed = <T>(kind: string, read: (section: IniSection) => T): readonly Placed<T>[] =>
    sections.filter(section => section.kind === kind).map(ini => ({ ini, section: read(ini) }));

  const [settings] = placed('vmnet', readSettings);
  const networks = placed('network', section => readNetwork(section, rtTables));
  const bonds = placed('bond', readBond);
  const vlans = placed('vlan', readVlan);
  const bridges = placed('bridge', readBridge);
  const vrfs = placed('vrf', section => readVrf(section, rtTables));
  checkNetworks(networks, rtTables);
  checkHostSections({ bonds, vlans, bridges, vrfs });
  return {
    settings: { ...(settings?.section ?? DEFAULT_SETTINGS), profiles },
    networks: networks.map(({ section }) => section),
    bonds: bonds.map(({ section }) => section),
    vlans: vlans.map(({ section }) => section),
    bridges: bridges.map(({ section }) => section),
    vrfs: vrfs.map(({ section }) => section),
  };
}

/** The number of a routing table that is given by number or by name; for VMs, so never `local` or `unspec`. */
export function parseTable(text: string, rtTables: ReadonlyMap<string, number>, where?: string): number {
  const at = where === undefined ? {} : { where };
  const number = lookUpTable(text, rtTables);
  if (number === undefined) {
    const near = nearest(text, [...rtTables.keys()]);
    const add = `add it to a .conf file in /etc/iproute2/rt_tables.d/ as \`NUMBER ${value.NETWORK_NAME.test(text) ? text : 'NAME'}\``;
    throw new VmnetError('request', `there is no routing table ${quoted(text)}`, {
      ...at,
      hint:
        near === undefined
          ? `give a number from 1 to ${MAX_TABLE}, or ${add}`
          : `did you mean ${near}? Else ${add}`,
    });
  }
  if (number === 0 || number === 255) {
    throw new VmnetError('request', `routing table ${quoted(text)} is the kernel's own`, {
      ...at,
      hint: 'give another table',
    });
  }
  return number;
}

const DEFAULT_SETTINGS: Settings = {
  tapMac: TAP_MAC,
  routeProtocol: 118,
  rulePreference: 900,
  guard: 'subnet',
  profiles: [],
};

function checkHead({ kind, name, where }: IniSection): void {
  if (!KINDS.includes(kind)) {
    throw new VmnetError('config', `there is no section [${kind}]`, { where, hint: hintFor(kind, KINDS) });
  }
  if (kind === 'vmnet' && name !== '') {
    throw new VmnetError('config', `[vmnet] takes no name, and has ${quoted(name)}`, {
      where,
      hint: 'write [vmnet]',
    });
  }
  if (kind !== 'vmnet' && name === '') {
    throw new VmnetError('config', `[${kind}] needs a name`, { where, hint: `write [${kind} NAME]` });
  }
}

function readSettings(ini: IniSection): Settings {
  return { ...DEFAULT_SETTINGS, ...readValues(ini, settingsKeys) };
}

function readNetwork(ini: IniSection, rtTables: ReadonlyMap<string, number>): NetworkSection {
  return { hostAccess: false, ...readValues(ini, networkKeys(rtTables)), ...headOf(ini, value.word) };
}

function readBond(ini: IniSection): BondSection {
  const values = readValues(ini, bondKeys);
  const needed = { mode: need(values.mode, 'mode', ini), ports: need(values.ports, 'ports', ini) };
  return { addresses: [], ...values, ...headOf(ini, parseIfname), ...needed };
}

function readVlan(ini: IniSection): VlanSection {
  const values = readValues(ini, vlanKeys);
  const needed = { parent: need(values.parent, 'parent', ini), id: need(values.id, 'id', ini) };
  return { addresses: [], ...values, ...headOf(ini, parseIfname), ...needed };
}

function readBridge(ini: IniSection): BridgeSection {
  return { addresses: [], ports: [], ...readValues(ini, bridgeKeys), ...headOf(ini, parseIfname) };
}

function readVrf(ini: IniSection, rtTables: ReadonlyMap<string, number>): VrfSection {
  const values = readValues(ini, vrfKeys(rtTables));
  const none = { addresses: [], ports: [], dns: [], services: [] };
  return { ...none, ...values, ...headOf(ini, parseIfname), table: need(values.table, 'table', ini) };
}

/** The section's name, which has to be good for what the kind of section describes. */
function headOf<T>(ini: IniSection, parser: value.Parser<T>): { readonly name: T; readonly where: string } {
  return { name: parseInConfig(parser, ini.name, ini.where), where: ini.where };
}

function need<T>(given: T | undefined, key: string, { kind, name, where }: IniSection): T {
  if (given !== undefined) return given;
  throw new VmnetError('config', `[${kind} ${name}] needs ${key}`, {
    where,
    hint: `add ${key} = to the section`,
  });
}
