// Of a program that was compiled ahead, V8 keeps what has run: half the size of all, and ready sooner. So while it is
// built, a program attaches a routed NIC to a machine that is not there, whose kernel takes everything and shows nothing;
// and the command line checks it.
import { EventEmitter } from 'node:events';
import fs, { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import type * as ganeti from '../lib/core/source/ganeti-nic.ts';
import type * as hook from '../lib/host/hook.ts';
import type * as attach from '../lib/run/attach.ts';

/** What of a program is rehearsed. */
export type Parts = typeof attach & typeof ganeti & typeof hook;

/** Where that is. */
export const PARTS = ['lib/run/attach.ts', 'lib/core/source/ganeti-nic.ts', 'lib/host/hook.ts'];

const INI = `[vmnet]
[network public]
mode = routed
link = public
table = 993
uplink = up0
arp-source = 198.51.100.254
subnet = 198.51.100.0/24
gateway = 198.51.100.1
subnet6 = 2001:db8:993::/64
gateway6 = 2001:db8:993::1
`;

const ENV = {
  INSTANCE: 'vm.example',
  INTERFACE: 'tap0',
  INTERFACE_INDEX: '0',
  MODE: 'routed',
  MAC: 'aa:00:00:35:01:02',
  IP: '198.51.100.10',
  LINK: 'public',
  TAGS: 'prod web',
  NETWORK_NAME: 'public',
  NETWORK_SUBNET: '198.51.100.0/24',
  NETWORK_GATEWAY: '198.51.100.1',
  NETWORK_SUBNET6: '2001:db8:993::/64',
  NETWORK_GATEWAY6: '2001:db8:993::1',
  NETWORK_TAGS: '',
};

/** Where the attach must end: when it has changed everything and looks at what became of it. */
const END = 'the kernel took the change but does not show it';

/** The modules that a program gets while it is rehearsed, for those of the same names; what it complains of is `said`. */
export function standIns(said: string[]): Readonly<Record<string, unknown>> {
  return {
    'node:child_process': { spawn },
    'node:fs': {
      ...fs,
      existsSync: (path: string) => isKernels(path) || fs.existsSync(path),
      readFileSync: (path: string, ...rest: []) => (isKernels(path) ? '1\n' : fs.readFileSync(path, ...rest)),
      writeFileSync: (path: string, ...rest: ['']) =>
        isKernels(path) ? undefined : fs.writeFileSync(path, ...rest),
      writeSync: (file: number, text: string, ...rest: []) =>
        file === 2 ? said.push(text) : fs.writeSync(file, text, ...rest),
      // The record of the attach that failed is what the command line finds.
      rmSync: (path: string, ...rest: []) => (path.endsWith('.json') ? undefined : fs.rmSync(path, ...rest)),
    },
  };
}

function isKernels(path: unknown): boolean {
  return typeof path === 'string' && /^\/(proc\/sys|sys\/class)\//.test(path);
}

/** Answers each line at once, as the tool would whose links are all taps and which has nothing else; ends with its input. */
function spawn(tool: string): object {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  const child = Object.assign(new EventEmitter(), { stdin, stdout, stderr, kill: () => true });
  stdin.setEncoding('utf8').on('data', (lines: string) => {
    for (const line of lines.split('\n')) stdout.write(tool === 'nft' ? nftAnswer(line) : ipAnswer(line));
  });
  stdin.on('end', () => child.emit('close', 0, null));
  return child;
}

function nftAnswer(line: string): string {
  if (line.startsWith('describe')) return 'meta expression\n';
  return line.startsWith('list table inet') ? `${JSON.stringify({ nftables: TABLE })}\n` : '';
}

const TABLE = [
  { metainfo: { version: '1.0.6' } },
  { table: { family: 'inet', name: 'vmnet', handle: 1 } },
  {
    chain: {
      family: 'inet',
      table: 'vmnet',
      name: 'a',
      type: 'filter',
      hook: 'input',
      prio: 0,
      policy: 'accept',
    },
  },
  { rule: { family: 'inet', table: 'vmnet', chain: 'a', handle: 2, comment: 'one #00000000', expr: [] } },
  { set: { family: 'inet', table: 'vmnet', name: 'taps', type: 'ifname', elem: ['tap1'] } },
];

function ipAnswer(line: string): string {
  const ifname = /^address show dev (\S+)/.exec(line)?.[1];
  if (ifname !== undefined) return `${JSON.stringify([linkRow(ifname)])}\n`;
  return / show/.test(line) ? '[]\n' : '';
}

function linkRow(ifname: string): object {
  return {
    ifindex: 1,
    ifname,
    flags: ['BROADCAST', 'MULTICAST', 'UP', 'LOWER_UP'],
    mtu: 1500,
    group: '0',
    address: '02:00:00:00:00:01',
    linkinfo: { info_kind: 'tun', info_data: { type: 'tap' } },
    addr_info: [{ family: 'inet6', local: 'fe80::ff:fe00:1', prefixlen: 64, scope: '253' }],
  };
}

/** A directory with the configuration of that machine and its records, which both rehearsals get by the environment. */
export function setScene(): string {
  const stateDir = mkdtempSync(join(tmpdir(), 'vmnet-build-'));
  const config = join(stateDir, 'vmnet.ini');
  writeFileSync(config, INI);
  Object.assign(process.env, { VMNET_CONFIG: config, VMNET_STATE_DIR: stateDir });
  process.geteuid = () => 0;
  return stateDir;
}

/** Throws when the attach ends anywhere else than expected: what comes behind that place would start slower. */
export async function rehearse(parts: Parts, said: readonly string[]): Promise<void> {
  const request = parts.requestFromGanetiEnv(ENV);
  await parts.runForTap('up', { text: ENV.INTERFACE, where: '$INTERFACE' }, context =>
    parts.attach(context, request, { dryRun: false }),
  );
  if (!said.join('').includes(END)) throw new Error(`this attach should have gone further: ${said.join('')}`);
}

/** Runs the command line until it ends the process, which goes on. It must have come to compare what is with what should be. */
export async function rehearseCommand(main: () => unknown): Promise<void> {
  const { argv, exit } = process;
  const { write } = process.stdout;
  let printed = '';
  process.argv = [...argv.slice(0, 2), 'check', ENV.INTERFACE];
  process.stdout.write = (text: unknown) => {
    printed += String(text);
    return true;
  };
  const ended = new Promise<unknown>(resolve => {
    process.exit = (code => resolve(code)) as typeof exit;
  });
  await main();
  await ended;
  Object.assign(process, { argv, exit });
  process.stdout.write = write;
  if (!/^missing /m.test(printed)) throw new Error(`this check should have gone further: ${printed}`);
}
