import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { VmnetError } from '../core/errors.ts';
import { type Address, addressBytes, FAMILIES, type Family } from '../core/model/address.ts';
import type { Ifname } from '../core/model/ifname.ts';
import { type DnsPlan, dnsmasqText, dnsPlan, type PortDns } from '../core/vrf/dns.ts';
import type { Lease } from '../core/vrf/lease.ts';
import { type DnsAnswer, hasAddress } from '../core/vrf/verify.ts';
import type { Vrf, WorldLink } from '../core/vrf/world.ts';
import { DEFAULT_STATE_DIR } from './defaults.ts';
import { DNS_PROGRAM } from './vrf-dns-program.ts';
import { toolPath } from './vrf-exec.ts';
import { outputOf } from './vrf-world.ts';

const RESOLV_CONF = '/etc/resolv.conf';
const DHCLIENT = '/var/lib/dhcp';

/** `configured` is `dns =` of the VRF's section; `stateDir` has what DHCP clients told vmnet's hooks. */
export async function readDnsPlan(
  vrf: Vrf,
  configured: readonly Address[],
  stateDir = DEFAULT_STATE_DIR,
): Promise<DnsPlan> {
  const ports = await Promise.all(vrf.ports.map(port => portDns(port, stateDir)));
  return dnsPlan({ resolvConf: readIfThere(RESOLV_CONF), configured, ports });
}

async function portDns({ name, ifindex }: WorldLink, stateDir: string): Promise<PortDns> {
  const resolvectl = existsSync('/run/systemd/resolve') ? await resolvectlOf(name) : undefined;
  const told = FAMILIES.map(family => readIfThere(leaseDnsPath(stateDir, name, family)) ?? '').join('');
  const lease =
    told === '' ? (readIfThere(`/run/systemd/netif/leases/${ifindex}`) ?? dhclientLeases()) : told;
  return {
    name,
    ...(resolvectl === undefined ? {} : { resolvectl }),
    ...(lease === undefined ? {} : { lease }),
  };
}

function leaseDnsPath(stateDir: string, name: Ifname, family: Family): string {
  return join(stateDir, 'dns', `lease.${name}.${family}`);
}

/** Keeps the name servers of a lease for readDnsPlan(); true if they are others than before. */
export function writeLeaseDns({ ifname, family, state, servers }: Lease, stateDir: string): boolean {
  const path = leaseDnsPath(stateDir, ifname, family);
  const before = readIfThere(path) ?? '';
  const text =
    state === 'gone' || servers.length === 0 ? '' : `DNS=${servers.map(one => one.text).join(' ')}\n`;
  if (text === before) return false;
  if (text === '') rmSync(path);
  else replaceFile(path, text);
  return true;
}

function replaceFile(path: string, text: string): void {
  try {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(`${path}.new`, text);
    renameSync(`${path}.new`, path);
  } catch (cause) {
    throw new VmnetError('record', `cannot be written (${String(cause)})`, { where: path, cause });
  }
}

/** Where systemd-resolved is not running there is nothing to be learned from it. */
async function resolvectlOf(name: Ifname): Promise<string | undefined> {
  return outputOf('resolvectl', ['dns', name]).catch(() => undefined);
}

function dhclientLeases(): string | undefined {
  if (!existsSync(DHCLIENT)) return undefined;
  const files = readdirSync(DHCLIENT).filter(name => name.endsWith('.leases'));
  return files.map(name => readIfThere(join(DHCLIENT, name)) ?? '').join('\n');
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

/**
 * Writes the forwarder's file below the state directory and gives its path. A stub's address that the VRF does not have
 * yet is put on it, since nothing can listen there before.
 */
export async function writeDnsConf(vrf: Vrf, plan: DnsPlan, stateDir: string): Promise<string> {
  if (plan.stubs.length === 0) {
    throw new VmnetError(
      'config',
      `${RESOLV_CONF} names no address of this host: ${vrf.name} needs no forwarder`,
      {
        hint: 'disable the unit; vmnet vrf dns says whom programs ask',
      },
    );
  }
  if (plan.servers.length === 0) {
    throw new VmnetError('config', `no name server is known for ${vrf.name}`, {
      hint: `add dns = to [vrf ${vrf.name}]`,
    });
  }
  for (const { text, family } of plan.stubs) {
    if (hasAddress(vrf.addresses, text)) continue;
    const length = family === 4 ? ['/32'] : ['/128', 'nodad'];
    await outputOf('ip', ['address', 'replace', `${text}${length[0]}`, 'dev', vrf.name, ...length.slice(1)]);
  }
  const path = join(stateDir, 'dns', `${vrf.name}.conf`);
  replaceFile(path, dnsmasqText(vrf.name, plan));
  return path;
}

/** Asks each from within the VRF; a server that says nothing has `no answer`. */
export async function askServers(name: Ifname, servers: readonly Address[]): Promise<readonly DnsAnswer[]> {
  if (servers.length === 0) return [];
  const hex = servers.map(server => Buffer.from(addressBytes(server)).toString('hex'));
  const args = ['vrf', 'exec', name, toolPath('perl'), '-e', DNS_PROGRAM, '--', ...hex];
  const stdout = await outputOf('ip', args, { doing: `asking name servers in ${name}` });
  const lines = stdout.split('\n').map(line => line.split(' '));
  const codes = new Map(lines.map(([server, code]) => [server, code]));
  return servers.map(({ text }, i) => {
    const code = codes.get(hex[i] ?? '');
    return {
      server: text,
      answer: code === undefined ? 'no answer' : (CODES[Number(code)] ?? `code ${code}`),
    };
  });
}

const CODES = ['NOERROR', 'FORMERR', 'SERVFAIL', 'NXDOMAIN', 'NOTIMP', 'REFUSED'];
