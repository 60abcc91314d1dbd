// What cannot be right is refused: the exit code says of what kind it is, one line names it, and nothing has changed.
import assert from 'node:assert/strict';
import { chmodSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { type CommandResult, ip, missingForNamespaces } from '../support/command.ts';
import { buildDatacentre, type Datacentre, type Node, publicNetwork } from '../support/datacentre.ts';
import { stateOf } from '../support/state.ts';
import { makeTap } from '../support/vm.ts';
import { ganetiEnv, isClean, recordsOf, succeeded } from './steps.ts';

const skip = missingForNamespaces() ?? false;
const MAC = 'aa:00:00:35:6d:0a';
const MORE = [
  '[network absent]\ntable = 994\nuplink = nolink0\nsubnet = 192.0.3.0/24',
  '[network down]\ntable = 995\nuplink = down0\nsubnet = 192.0.4.0/24',
  '[network bridged]\ntable = 996\nuplink = up1\nsubnet = 192.0.5.0/24',
];
let datacentre: Datacentre;
let node: Node;
let stateBefore: string;

before(async () => {
  if (skip !== false) return;
  datacentre = await buildDatacentre({ program: 'dist', config: publicNetwork('up0', ...MORE) });
  node = datacentre.node1;
  for (const tap of ['tap0', 'tap1', 'down0']) await makeTap(node, tap);
  const one = [
    '--network',
    'public',
    '--mac',
    'aa:00:00:35:6d:0b',
    '--ip',
    '192.0.2.11',
    '--instance',
    'holder.example.test',
  ];
  succeeded(await node.vmnet(['attach', 'tap1', ...one]));
  stateBefore = JSON.stringify(await stateOf(node));
});
after(() => datacentre?.close());

interface Wrong {
  readonly what: string;
  readonly exit: number;
  readonly names: string | readonly string[];
  /** `attach tap0 --network public --mac … --ip …`, but for these. */
  readonly tap?: string;
  readonly network?: string;
  readonly mac?: string;
  readonly ips?: readonly string[];
}

const WRONG: readonly Wrong[] = [
  { what: 'tap that is not there', exit: 65, names: 'tap9', tap: 'tap9' },
  { what: 'tap with a name too long', exit: 65, names: 'abcdefghijklmnop', tap: 'abcdefghijklmnop' },
  { what: 'tap with a slash', exit: 65, names: 'net/tap0', tap: 'net/tap0' },
  { what: 'tap that is a path', exit: 65, names: '..', tap: '..' },
  { what: 'empty tap', exit: 65, names: 'TAP', tap: '' },
  { what: 'MAC with too few bytes', exit: 65, names: 'aa:00:00:35:6d', mac: 'aa:00:00:35:6d' },
  { what: 'multicast MAC', exit: 65, names: '01:00:5e:00:00:01', mac: '01:00:5e:00:00:01' },
  { what: 'IPv4 address outside the subnet', exit: 65, names: '198.18.0.1', ips: ['198.18.0.1'] },
  { what: 'IPv6 address outside the subnet', exit: 65, names: '2001:db8:1::1', ips: ['2001:db8:1::1'] },
  { what: "the gateway's IPv4 address", exit: 65, names: '192.0.2.1', ips: ['192.0.2.1'] },
  { what: "the gateway's IPv6 address", exit: 65, names: '2001:db8:993::1', ips: ['2001:db8:993::1'] },
  { what: 'address of no family', exit: 65, names: 'three', ips: ['three'] },
  { what: 'address with a prefix length', exit: 65, names: '192.0.2.10/24', ips: ['192.0.2.10/24'] },
  { what: 'address with leading zeroes', exit: 65, names: '192.0.2.010', ips: ['192.0.2.010'] },
  { what: 'network that is not configured', exit: 65, names: ['publik', 'public'], network: 'publik' },
  { what: 'uplink that is not there', exit: 65, names: 'nolink0', network: 'absent', ips: ['192.0.3.10'] },
  { what: 'uplink that is down', exit: 65, names: 'down0', network: 'down', ips: ['192.0.4.10'] },
  {
    what: "uplink that is a bridge's",
    exit: 65,
    names: ['up1', 'br0'],
    network: 'bridged',
    ips: ['192.0.5.10'],
  },
  {
    what: 'address of a living NIC',
    exit: 65,
    names: ['192.0.2.11', 'tap1', 'holder.example.test'],
    ips: ['192.0.2.11'],
  },
  {
    what: 'IPv6 address of a living NIC, made of the same MAC',
    exit: 65,
    names: ['tap1', 'holder.example.test', '2001:db8:993:0:a800:ff:fe35:6d0b'],
    mac: 'aa:00:00:35:6d:0b',
  },
];

async function refused(result: CommandResult, exit: number, names: Wrong['names']): Promise<void> {
  says(result, exit, names);
  await isUnchanged();
}

function says(result: CommandResult, exit: number, names: Wrong['names']): void {
  assert.equal(result.exitCode, exit, result.stderr);
  assert.equal(result.stderr.split('\n').length, 1, `one line: ${result.stderr}`);
  for (const name of [names].flat()) assert.ok(result.stderr.includes(name), `${name} in ${result.stderr}`);
  assert.equal(result.stdout, '');
}

async function isUnchanged(): Promise<void> {
  assert.equal(JSON.stringify(await stateOf(node)), stateBefore);
  assert.equal(recordsOf(node).join(), 'tap1.json');
}

for (const {
  what,
  exit,
  names,
  tap = 'tap0',
  network = 'public',
  mac = MAC,
  ips = ['192.0.2.10'],
} of WRONG) {
  test(what, { skip }, async () => {
    const args = ['attach', tap, '--network', network, '--mac', mac, ...ips.flatMap(one => ['--ip', one])];
    await refused(await node.vmnet(args), exit, names);
  });
}

/** For each option; a word that begins with a dash is another option, so `--mac=-x` is what says it. */
const HOSTILE = [
  'a\nb',
  'a"b',
  'a;reboot',
  '-x',
  '$(touch x)',
  'a b',
  '{ a }',
  'a\u001b[31m',
  'ü',
  'a'.repeat(300),
];

for (const text of HOSTILE) {
  test(`words that no parser may let pass: ${JSON.stringify(text.slice(0, 20))}`, { skip }, async () => {
    const attach = ['attach', 'tap0', '--network=public', `--mac=${MAC}`, '--ip=192.0.2.10'];
    const [, tap, network, mac, address] = attach.map((_, i) => attach.filter((_, j) => j !== i));
    const calls: readonly (readonly [readonly string[] | undefined, string])[] = [
      [network, `--network=${text}`],
      [mac, `--mac=${text}`],
      [address, `--ip=${text}`],
      [attach, `--instance=${text}`],
      [attach, `--link=${text}`],
      [attach, `--vlan=${text}`],
    ];
    const results = await Promise.all(calls.map(([args = [], option]) => node.vmnet([...args, option])));
    for (const [i, result] of results.entries()) says(result, 65, calls[i]?.[1].split('=')[0] ?? '');
    if (!text.startsWith('-')) says(await node.vmnet([...(tap ?? []), text]), 65, 'TAP');
    await isUnchanged();
  });
}

test('routed without address or MAC; without tap; with nothing at all', { skip }, async () => {
  await refused(await node.vmnet(['attach', 'tap0', '--network', 'public']), 65, 'tap0');
  await refused(await node.vmnet(['attach', '--network', 'public']), 64, '');
  await refused(await node.vmnet(['attach', 'tap0']), 65, 'tap0');
  await refused(await node.vmnet(['attach', 'tap0', '--netwrok', 'public']), 64, 'netwrok');
});

test('tables: a name that rt_tables lacks, one without default route', { skip }, async () => {
  const attach = (link: string) =>
    node.vmnet(['attach', 'tap0', '--mode', 'routed', '--link', link, '--ip', '192.0.2.10']);
  await refused(await attach('nosuchtable'), 65, 'nosuchtable');
  await refused(await attach('4711'), 65, '4711');
});

const ENVIRONMENT: readonly (readonly [variable: string, values: readonly string[]])[] = [
  ['INTERFACE', ['', '../tap0', 'tap0;reboot', 'tap9']],
  ['MODE', ['', 'ovs', 'routed\nbridged']],
  ['MAC', ['', 'aa:00', '$(reboot)']],
  ['IP', ['10.0.0.300', '192.0.2.10;', '198.18.0.1']],
  ['INSTANCE', ['', 'a\nb']],
  ['NETWORK_SUBNET', ['192.0.2.0/33', '2001:db8::/64']],
  ['NETWORK_GATEWAY6', ['192.0.2.1', 'x']],
];

for (const [variable, values] of ENVIRONMENT) {
  test(`hook: $${variable}`, { skip }, async () => {
    for (const value of values) {
      const env = { ...ganetiEnv('tap0', MAC, '192.0.2.10'), [variable]: value };
      const names = value === 'tap9' || value === '198.18.0.1' ? value : `$${variable}`;
      await refused(await node.hook('kvm-vif-bridge', env), 65, names);
    }
  });
}

const CONFIGS: readonly (readonly [what: string, text: string, name: string])[] = [
  ['unknown key', '[network public]\nuplnk = up0\n', 'uplnk'],
  ['unknown section', '[netwrok public]\nuplink = up0\n', 'netwrok'],
  ['value that is none', '[network public]\nsubnet = 192.0.2.0/33\n', '192.0.2.0/33'],
  ['line that is no setting', '[network public]\nuplink\n', 'uplink'],
];

test('configuration: what is wrong in it, where it may not be read or anybody may write', {
  skip,
}, async () => {
  const good = readFileSync(node.configFile, 'utf8');
  const attach = () =>
    node.vmnet(['attach', 'tap0', '--network', 'public', '--mac', MAC, '--ip', '192.0.2.10']);
  try {
    for (const [, text, name] of CONFIGS) {
      writeFileSync(node.configFile, text);
      await refused(await attach(), 78, [name, node.configFile]);
    }
    writeFileSync(node.configFile, good);
    chmodSync(node.configFile, 0o666);
    await refused(await attach(), 78, node.configFile);
    rmSync(node.configFile);
    const missing = await node.vmnet([
      '--config',
      `${node.configFile}/x`,
      'attach',
      'tap0',
      '--network',
      'public',
    ]);
    assert.notEqual(missing.exitCode, 0);
  } finally {
    rmSync(node.configFile, { force: true });
    writeFileSync(node.configFile, good);
    chmodSync(node.configFile, 0o644);
  }
});

test('an address whose holder is gone is given to the next, and nothing of the holder stays', {
  skip,
}, async () => {
  await ip(node, 'link', 'delete', 'tap1');
  succeeded(
    await node.vmnet([
      'attach',
      'tap0',
      '--network',
      'public',
      '--mac',
      'aa:00:00:35:6d:0b',
      '--ip',
      '192.0.2.11',
    ]),
  );
  assert.deepEqual(recordsOf(node), ['tap0.json']);
  assert.doesNotMatch(JSON.stringify(await stateOf(node)), /tap1/);
  await isClean(node);
});
