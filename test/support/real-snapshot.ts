// What the kernel has in this network namespace, line by line, for real-world.ts.
import { existsSync, readFileSync } from 'node:fs';
import { SYSCTLS } from './memory/state.ts';
import { answers, type Json, tool } from './real-tools.ts';

export function snapshot(): readonly string[] {
  const both = answers(4, ['address show', 'neigh show proxy', 'route show table all', 'rule show']);
  const six = answers(6, ['rule show']);
  const ruleset: { readonly nftables: readonly Json[] } = JSON.parse(tool('nft', ['-j', 'list', 'ruleset']));
  const [addresses = [], ...rest] = both;
  const links = addresses.map(link => String(link.ifname));
  const sysctls = SYSCTLS.flatMap(path =>
    path.includes('*') ? links.map(name => path.replace('*', name)) : [path],
  );
  return [
    ...addresses.map(linkLine),
    ...vlanLines(),
    ...ovsLines(),
    ...rest.flatMap(rows => rows.filter(isLasting).map(row => JSON.stringify(row, steady))),
    ...six.flatMap(rows => rows.map(row => `IPv6 ${JSON.stringify(row, steady)}`)),
    ...ruleset.nftables.flatMap(entry => nftEntry(entry)),
    // Older kernels have no force_forwarding.
    ...sysctls
      .filter(path => existsSync(`/proc/sys/${path}`))
      .map(path => `sysctl ${path} ${readFileSync(`/proc/sys/${path}`, 'utf8').trim()}`),
  ].sort();
}

/** What the kernel keeps for its own addresses comes and goes with the carrier, of which it hears a little later. */
function isLasting(row: Json): boolean {
  const ofKernel = row.table === '255' || (row.dst === 'fe80::/64' && row.protocol === '2');
  return !ofKernel || row.priority !== undefined;
}

function linkLine({ ifname, group, mtu, master, address, flags, addr_info }: Json): string {
  const found = addr_info as readonly Json[];
  const addresses = found.map(({ local, prefixlen }) => `${local}/${prefixlen}`).sort();
  const up = (flags as readonly string[]).includes('UP');
  return JSON.stringify({ ifname, group, mtu, master, address, up, addresses });
}

/** Elements one by one: they are listed in any order. */
function nftEntry(entry: Json): readonly string[] {
  const [[kind, body] = ['', {}]] = Object.entries(entry) as [string, Json][];
  const { elem, ...rest } = body;
  const name = `${kind} ${body.family} ${body.table} ${body.name}`;
  const elements = Array.isArray(elem) ? elem.map(one => `${name} has ${JSON.stringify(one)}`) : [];
  return [JSON.stringify({ [kind]: rest }, steady), ...elements];
}

/** What Open vSwitch has for taps. */
function ovsLines(): readonly string[] {
  if (process.env.OVS_RUNDIR === undefined) return [];
  const columns = '--columns=name,tag,trunks,vlan_mode,protected,external_ids';
  const table = JSON.parse(tool('ovs-vsctl', ['--timeout=10', '--format=json', columns, 'list', 'Port']));
  return (table.data as readonly unknown[][])
    .filter(row => String(row[0]).startsWith('tap'))
    .map(row => `ovs ${JSON.stringify(row)}`);
}

/** The VLANs of each port. */
function vlanLines(): readonly string[] {
  const rows: readonly Json[] = JSON.parse(tool('bridge', ['-j', 'vlan', 'show']) || '[]');
  return rows.map(row => JSON.stringify(row));
}

const VOLATILE = ['handle', 'packets', 'bytes'];

/** Without what changes by itself. */
function steady(name: string, value: unknown): unknown {
  return VOLATILE.includes(name) ? undefined : value;
}
