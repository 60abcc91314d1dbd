// Programs that guests and networks really run: in a namespace, until they are stopped.
import { chmodSync, existsSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { execa, execaSync } from 'execa';
import { argvInside, inside, missingForNamespaces, PATH, type Place } from '../support/command.ts';
import type { Node } from '../support/datacentre.ts';

export interface Program {
  /** What it has said up to now. */
  said(): string;
  /** Ends when it says this: an error after `timeoutMs` (3 s), or when the program ends before. */
  until(pattern: RegExp, timeoutMs?: number): Promise<RegExpExecArray>;
  stop(): Promise<void>;
}

/** Starts a program that stays in the foreground, and waits until it says that it is ready. */
export async function startProgram(place: Place, argv: readonly string[], ready: RegExp): Promise<Program> {
  const [file = '', ...args] = argvInside(place, argv);
  const child = execa(file, args, { reject: false, env: { PATH }, stdin: 'ignore', all: true });
  let said = '';
  child.all.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  const program: Program = {
    said: () => said,
    until: (pattern, timeoutMs = 3000) =>
      new Promise((done, failed) => {
        const fail = (what: string) => failed(new Error(`${argv[0]} ${what}, without ${pattern}:\n${said}`));
        const timer = setTimeout(() => fail(`said for ${timeoutMs} ms`), timeoutMs);
        const look = () => {
          const match = pattern.exec(said);
          if (match === null) return;
          clearTimeout(timer);
          child.all.off('data', look);
          done(match);
        };
        child.all.on('data', look);
        void child.then(() => {
          clearTimeout(timer);
          fail('ended');
        });
        look();
      }),
    stop: async () => {
      child.kill('SIGTERM');
      const hard = setTimeout(() => child.kill('SIGKILL'), 2000);
      await child;
      clearTimeout(hard);
    },
  };
  try {
    await program.until(ready);
    return program;
  } catch (error) {
    await program.stop();
    throw error;
  }
}

/** What this machine lacks for tests with these programs, in one line; `false` when nothing, as `skip` takes it. */
export function missingFor(...tools: readonly string[]): string | false {
  const general = missingForNamespaces();
  if (general !== undefined) return general;
  const missing = tools.filter(tool => !(tool === 'udhcpc' ? busyboxHas(tool) : isInstalled(tool)));
  return missing.length === 0 ? false : `needs ${missing.join(', ')} installed; make setup does that`;
}

function isInstalled(tool: string): boolean {
  return PATH.split(delimiter).some(dir => dir !== '' && existsSync(join(dir, tool)));
}

function busyboxHas(applet: string): boolean {
  const { stdout } = execaSync('busybox', ['--list'], { env: { PATH }, reject: false });
  return stdout?.split('\n').includes(applet) ?? false;
}

/** A file of the data centre's, which goes with it. */
export function fileOf({ configFile }: Node, name: string, text: string, mode = 0o644): string {
  const path = join(dirname(configFile), name);
  writeFileSync(path, text);
  // Whatever the umask is.
  chmodSync(path, mode);
  return path;
}

/**
 * A DHCP server on a link: no files, no DNS unless `options` give it a port, no look whether an address is free. What
 * comes in by a VRF is for sockets of the VRF.
 */
export function startDnsmasq(
  place: Place & { readonly vrf?: string },
  ...options: readonly string[]
): Promise<Program> {
  const bound = place.vrf === undefined ? [] : ['ip', 'vrf', 'exec', place.vrf];
  const quiet = ['--no-daemon', '--conf-file=/dev/null', '--no-resolv', '--no-hosts', '--no-ping'];
  const own = ['--user=root', '--pid-file', '--leasefile-ro', '--dhcp-authoritative', '--log-dhcp'];
  const dns = options.some(option => option.startsWith('--port')) ? [] : ['--port=0'];
  return startProgram(place, [...bound, 'dnsmasq', ...quiet, ...own, ...dns, ...options], /started, version/);
}

/** A router that advertises these prefixes on a link, at once and every few seconds. */
export async function startRadvd(place: Place, node: Node, link: string, prefix: string): Promise<Program> {
  const name = `${place.ns}-radvd`;
  const text = `interface ${link} { AdvSendAdvert on; MinRtrAdvInterval 3; MaxRtrAdvInterval 4; prefix ${prefix} { AdvOnLink on; AdvAutonomous on; }; };\n`;
  const config = fileOf(node, `${name}.conf`, text);
  const pid = join(dirname(node.configFile), `${name}.pid`);
  return startProgram(place, ['radvd', '-n', '-m', 'stderr', '-C', config, '-p', pid], /version .* started/);
}

const LEASE_SCRIPT = `#!/bin/sh
[ "$1" = bound ] || exit 0
ip address replace "$ip/$mask" dev "$interface"
[ -z "$router" ] || ip route replace default via "$router" dev "$interface"
echo "lease $ip from $serverid"
`;

export interface Lease {
  readonly address: string;
  readonly server: string;
}

/** Asks for a lease with udhcpc so many times, one a second, and configures it; undefined when nobody gives one. */
export async function leaseOf(guest: Place, node: Node, times = 4): Promise<Lease | undefined> {
  const script = fileOf(node, 'udhcpc-script', LEASE_SCRIPT, 0o755);
  const tries = ['-n', '-q', '-f', '-t', String(times), '-T', '1'];
  const { stdout } = await inside(guest, ['busybox', 'udhcpc', '-i', 'eth0', '-s', script, ...tries]);
  const [, address, server] = /^lease (\S+) from (\S+)$/m.exec(stdout) ?? [];
  return address === undefined || server === undefined ? undefined : { address, server };
}

/** dhclient as it asks for an address of IPv6: what it is told goes to the environment of its script. */
export function startDhclient6(guest: Place, node: Node): Promise<Program> {
  const state = join(dirname(node.configFile), `${guest.ns}.dhclient`);
  const files = ['-sf', '/usr/bin/env', '-lf', `${state}.leases`, '-pf', `${state}.pid`];
  rmSync(`${state}.leases`, { force: true });
  const argv = ['dhclient', '-6', '-1', '-d', '-v', '-cf', '/dev/null', ...files, 'eth0'];
  return startProgram(guest, argv, /Solicit on eth0/);
}

/** What dhclient says when it has been given an address of IPv6. */
export const GIVEN6 = /new_ip6_address=(\S+)/;

/** Listens on TCP ports, of both families, and says its name to whom connects. */
export async function listen(place: Place, ...ports: readonly number[]): Promise<Program> {
  return startProgram(place, ['perl', '-e', LISTEN, ...ports.map(String)], /listening/);
}

/** AF_INET6 is 10, SOCK_STREAM 1; IPV6_V6ONLY is off, so that IPv4 is heard too. */
const LISTEN = `
  $| = 1;
  my $bits = "";
  my @on = map {
    socket(my $s, 10, 1, 6) or die "socket: $!";
    setsockopt($s, 1, 2, pack("l", 1));
    setsockopt($s, 41, 26, pack("l", 0));
    bind($s, pack("S n N a16 L", 10, $_, 0, "", 0)) or die "bind $_: $!";
    listen($s, 16);
    vec($bits, fileno($s), 1) = 1;
    $s;
  } @ARGV;
  print "listening\\n";
  while (select(my $ready = $bits, undef, undef, undef)) {
    for my $s (@on) {
      next unless vec($ready, fileno($s), 1);
      my $c;
      accept($c, $s) and syswrite($c, "hello\\n");
    }
  }
`;

/** Whether somebody answers a TCP connection within half a second; `as` is the address that it comes from. */
export async function connects(from: Place, address: string, port: number, as?: string): Promise<boolean> {
  const six = address.includes(':');
  const to = six ? `TCP6:[${address}]:${port}` : `TCP4:${address}:${port}`;
  const bind = as === undefined ? '' : `,bind=${six ? `[${as}]` : as}`;
  const { stdout } = await inside(from, ['socat', '-u', `${to},connect-timeout=0.5${bind}`, 'STDOUT']);
  return stdout === 'hello';
}
