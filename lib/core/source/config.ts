import { quoted, VmnetError } from '../errors.ts';
import type { Config, FirewallProfile, NetworkSection, Settings } from '../model/config.ts';
import { type HostSections, hostLinks } from '../model/host-links.ts';
import { type Mac, parseMac } from '../model/mac.ts';
import { NIC_MODES } from '../model/request.ts';
import { checkNetworks, type Placed } from './config-checks.ts';
import { headOf, readValues } from './config-schema.ts';
import * as value from './config-values.ts';
import { checkDomains } from './domain-checks.ts';
import { checkHostSections } from './host-checks.ts';
import { readBond, readBridge, readOvs, readVlan, readVrf } from './host-sections.ts';
import { type IniSection, readIni } from './ini-file.ts';
import { policyKeys } from './policy-schema.ts';
import { lookUpTable, MAX_TABLE } from './rt-tables.ts';
import { hintFor, nearest } from './suggest.ts';

/** Locally administered, and spells `vmnet`. */
const TAP_MAC = '02:76:6d:6e:65:74' as Mac;

const KINDS: readonly string[] = ['vmnet', 'network', 'bond', 'vlan', 'bridge', 'vrf', 'ovs'];

const settingsKeys = {
  'tap-mac': parseMac,
  'route-protocol': value.routeProtocol,
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
    domain: value.oneOf(['mark', 'vrf']),
    probe: value.yesNo,
    ...policyKeys,
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
  const sectionsOf = (kind: string): readonly IniSection[] => sections.filter(one => one.kind === kind);
  const table: value.Parser<number> = (text, where) => parseTable(text, rtTables, where);

  const [settings] = sectionsOf('vmnet').map(readSettings);
  const networks: readonly Placed<NetworkSection>[] = sectionsOf('network').map(ini => ({
    ini,
    section: readNetwork(ini, rtTables),
  }));
  const host: HostSections = {
    bonds: sectionsOf('bond').map(readBond),
    vlans: sectionsOf('vlan').map(readVlan),
    bridges: sectionsOf('bridge').map(readBridge),
    vrfs: sectionsOf('vrf').map(ini => readVrf(ini, table)),
    switches: sectionsOf('ovs').map(readOvs),
  };
  checkNetworks(networks, rtTables);
  checkDomains(networks, host.vrfs, rtTables);
  const networkSections = networks.map(({ section }) => section);
  checkHostSections(hostLinks(host), networkSections, rtTables);
  return {
    settings: { ...(settings ?? DEFAULT_SETTINGS), profiles },
    networks: networkSections,
    ...host,
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
