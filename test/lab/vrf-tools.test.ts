// A management VRF made with plain ip, and what vmnet vrf does with it: run, look, verify, resolve. In both families.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type CommandResult,
  inside,
  ip,
  ipBatch,
  missingForNamespaces,
  must,
  PATH,
  type Place,
} from '../support/command.ts';
import { missingModule } from '../support/modules.ts';

const VMNET = join(import.meta.dirname, '../../dist/vmnet.cjs');
const skip = missingForNamespaces() ?? missingModule('vrf');
const host: Place = { ns: `vrf${process.pid}-host` };
const gateway: Place = { ns: `vrf${process.pid}-gw` };
const OUTSIDE = '192.0.2.1';
const INSIDE = '192.0.2.2';
const directory = mkdtempSync(join(tmpdir(), 'vrf-tools-'));
const running: ReturnType<typeof spawn>[] = [];
/** The programs of the host see its resolv.conf, and a tree of cgroups, which `ip netns exec` has covered. */
const ON_HOST = [
  'sh',
  '-c',
  `mount -t cgroup2 cgroup2 /sys/fs/cgroup && mount --bind ${directory}/resolv.conf /etc/resolv.conf && exec "$@"`,
  'sh',
];
const VRF_LINES = [
  'link add mgmt type vrf table 1001',
  'link set mgmt up',
  'address add 127.0.0.1/8 dev mgmt',
  'address add 127.0.0.53/32 dev mgmt',
  'address add ::1/128 dev mgmt nodad',
  'link set eth0 master mgmt',
  'address replace 10.0.0.2/24 dev eth0',
  'address replace 2001:db8::2/64 dev eth0 nodad',
  'route replace default via 10.0.0.1 dev eth0 table 1001',
  'route replace default via 2001:db8::1 dev eth0 table 1001',
  'route replace unreachable default metric 4278198272 table 1001',
];

before(async () => {
  if (skip !== false) return;
  writeFileSync(join(directory, 'resolv.conf'), 'nameserver 127.0.0.53\noptions timeout:2 attempts:2\n');
  writeFileSync(join(directory, 'vmnet.ini'), '[vrf mgmt]\ntable = 1001\nports = eth0\ndns = 10.0.0.1\n');
  for (const { ns } of [host, gateway]) await must(['ip', 'netns', 'add', ns]);
  await ip(host, 'link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', gateway.ns);
  await ipBatch(gateway, [
    'link set lo up',
    'link set eth0 up',
    'address add 10.0.0.1/24 dev eth0',
    'address add 2001:db8::1/64 dev eth0 nodad',
  ]);
  await ipBatch(host, ['link set lo up', 'link set eth0 up', ...VRF_LINES]);
  await ip(host, '-6', 'route', 'replace', 'unreachable', 'default', 'metric', '4278198272', 'table', '1001');
  for (const family of ['-4', '-6']) {
    await ip(host, family, 'rule', 'add', 'pref', '32765', 'lookup', 'local', 'protocol', 'kernel');
    await ip(host, family, 'rule', 'del', 'pref', '0');
  }
  startIn(gateway, dnsmasq('--no-resolv', `--address=/test/${INSIDE}`, '--local=/#/', '--bind-interfaces'));
  startIn(
    host,
    dnsmasq(
      '--no-resolv',
      `--address=/test/${OUTSIDE}`,
      '--bind-interfaces',
      '--listen-address=127.0.0.53',
      '--interface=lo',
    ),
  );
});
after(async () => {
  for (const child of running) child.kill();
  for (const { ns } of [host, gateway]) await must(['ip', 'netns', 'del', ns]).catch(() => undefined);
  rmSync(directory, { recursive: true });
});

function dnsmasq(...args: readonly string[]): readonly string[] {
  return [
    'dnsmasq',
    '--conf-file=/dev/null',
    '--keep-in-foreground',
    '--no-hosts',
    '--user=root',
    '--pid-file=',
    ...args,
  ];
}

function startIn(place: Place, argv: readonly string[]): void {
  const child = spawn('ip', ['netns', 'exec', place.ns, ...argv], { stdio: 'ignore', env: { PATH } });
  running.push(child);
}

function onHost(...argv: readonly string[]): Promise<CommandResult> {
  return inside(host, [...ON_HOST, ...argv], { timeoutMs: 90_000 });
}

function vmnet(...words: readonly string[]): Promise<CommandResult> {
  return onHost(VMNET, '--config', join(directory, 'vmnet.ini'), '--state-dir', directory, ...words);
}

interface Finding {
  readonly check: string;
  readonly ok: boolean;
  readonly text: string;
  readonly hint?: string;
}

/** The checks that find something wrong, each as often as it does. */
async function wrong(...options: readonly string[]): Promise<readonly Finding[]> {
  const { stdout, stderr, exitCode } = await vmnet('vrf', 'verify', 'mgmt', '--json', ...options);
  assert.equal(stderr, '');
  const findings: readonly Finding[] = JSON.parse(stdout);
  const bad = findings.filter(({ ok }) => !ok);
  assert.equal(exitCode, bad.length === 0 ? 0 : 1);
  return bad;
}

test('list names the table, the ports and the defaults of both families', { skip }, async () => {
  const { stdout } = await vmnet('vrf', 'list', '--json');
  const [vrf, ...others] = JSON.parse(stdout);
  assert.deepEqual(others, []);
  assert.deepEqual([vrf.name, vrf.table, vrf.up, vrf.ports], ['mgmt', 1001, true, ['eth0']]);
  assert.deepEqual(vrf.defaults, {
    4: ['10.0.0.1 dev eth0', 'unreachable'],
    6: ['2001:db8::1 dev eth0', 'unreachable'],
  });
});

test('exec: the command is in the VRF, with its words, its output, its exit code and default signals', {
  skip,
}, async () => {
  const shown = await vmnet(
    'vrf',
    'exec',
    'mgmt',
    'sh',
    '-c',
    'ip vrf identify $$; echo "$@"; grep SigIgn /proc/self/status; exit 5',
    'sh',
    '--config',
    '007',
  );
  assert.equal(shown.stderr, '');
  assert.deepEqual(shown.stdout.split('\n'), ['mgmt', '--config 007', 'SigIgn:\t0000000000000000']);
  assert.equal(shown.exitCode, 5);
  const identified = await vmnet('vrf', 'exec', 'mgmt', '--', VMNET, 'vrf', 'identify');
  assert.equal(identified.stdout, 'mgmt');
  assert.equal((await vmnet('vrf', 'identify', '1')).stdout, '');
});

test('exec reaches the gateway by both families, and nothing outside does', { skip }, async () => {
  for (const address of ['10.0.0.1', '2001:db8::1']) {
    assert.equal(
      (await vmnet('vrf', 'exec', 'mgmt', 'ping', '-c', '1', '-W', '5', address)).exitCode,
      0,
      address,
    );
    assert.notEqual((await onHost('ping', '-c', '1', '-W', '1', address)).exitCode, 0, address);
  }
});

test('exec refuses, before the command starts', { skip }, async () => {
  const table: [readonly string[], number, RegExp][] = [
    [['nope', 'true'], 65, /nope/],
    [['eth0', 'true'], 65, /eth0/],
    [['mgmt'], 64, /command/],
    [['mgmt', '/no/such/program'], 127, /\/no\/such\/program/],
  ];
  for (const [words, code, says] of table) {
    const { exitCode, stderr, stdout } = await vmnet('vrf', 'exec', ...words);
    assert.deepEqual([exitCode, stdout], [code, ''], words.join(' '));
    assert.match(stderr, says);
    assert.equal(stderr.split('\n').length, 1);
  }
});

test('DNS: the same stub is answered by the VRF inside and by the host outside', { skip }, async () => {
  const before = await vmnet('vrf', 'dns', 'mgmt');
  assert.match(before.stdout, /in mgmt: .*nobody listens/);
  const conf = await vmnet('vrf', 'dns', 'mgmt', '--conf');
  assert.equal(conf.stderr, '');
  assert.equal(conf.stdout, join(directory, 'dns/mgmt.conf'));
  startIn(host, [
    ...ON_HOST,
    VMNET,
    'vrf',
    'exec',
    'mgmt',
    '--',
    'dnsmasq',
    `--conf-file=${conf.stdout}`,
    '--keep-in-foreground',
    '--user=root',
  ]);
  await until(['ss', '-Hlun'], '127.0.0.53%mgmt:53');
  const query = ['getent', 'ahostsv4', 'vm.test'];
  assert.match((await onHost(...query)).stdout, new RegExp(OUTSIDE));
  assert.match((await vmnet('vrf', 'exec', 'mgmt', ...query)).stdout, new RegExp(INSIDE));
  const explained = await vmnet('vrf', 'dns', 'mgmt');
  assert.doesNotMatch(explained.stdout, /nobody listens|fail/);
  assert.match(explained.stdout, /10\.0\.0\.1/);
});

async function until(argv: readonly string[], printed: string): Promise<void> {
  for (let i = 0; i < 60; i++) {
    if ((await inside(host, argv)).stdout.includes(printed)) return;
    await sleep(500);
  }
  assert.fail(`${argv.join(' ')} never prints ${printed}`);
}

test('pids names what runs in the VRF', { skip }, async () => {
  assert.match((await vmnet('vrf', 'pids', 'mgmt')).stdout, /^\d+ dnsmasq$/m);
});

test('the cgroup of a service is bound for all that it starts, whoever that runs as; no other cgroup', {
  skip,
}, async () => {
  const bound =
    'for my $f (2, 10) { socket my $s, $f, 2, 0; print unpack("Z*", getsockopt $s, 1, 25), "\\n" }';
  const script = [
    'mkdir -p "$3" && echo $$ >"$3/cgroup.procs"',
    '"$1" vrf enter mgmt --unit',
    'setpriv --reuid=65534 --clear-groups perl -e "$2"',
    'echo $$ >/sys/fs/cgroup/cgroup.procs',
  ].join('; ');
  const cgroup = `/sys/fs/cgroup/vrf-tools-${process.pid}`;
  const service = await onHost('sh', '-c', script, 'sh', VMNET, bound, `${cgroup}.service`);
  assert.deepEqual([service.stderr, service.stdout], ['', 'mgmt\nmgmt']);
  const other = await onHost('sh', '-c', script, 'sh', VMNET, bound, cgroup);
  assert.notEqual(other.stderr, '');
  assert.equal(other.stdout.trim(), '');
  await onHost('rmdir', cgroup, `${cgroup}.service`);
});

test('a login enters the VRF that its connection came in by, and its prompt says so', { skip }, async () => {
  // As sshd with rdomain: the listener is bound, the process is outside, and so is the child but for enter.
  const server = String.raw`
    my ($family, $name, $vmnet, $prompt) = @ARGV;
    socket my $listener, $family, 1, 0 or die;
    setsockopt $listener, 1, 25, "mgmt\0" or die;
    bind $listener, pack 'H*', $name or die;
    listen $listener, 1 or die;
    accept my $client, $listener or die;
    fcntl $client, 2, 0;
    system { $vmnet } $vmnet, 'vrf', 'enter';
    exec 'sh', '-c', 'ip vrf identify $$; PS1="# "; . "$1"; . "$1"; echo "$PS1"', 'sh', $prompt;
  `;
  const prompt = join(import.meta.dirname, '../../etc/profile.d/vmnet-vrf.sh');
  for (const [family, port, address] of [
    [2, '0200', '10.0.0.2'],
    [10, '0a00', '2001:db8::2'],
  ] as const) {
    // sockaddr_in and sockaddr_in6 of port 4000 at no address.
    const name = `${port}0fa0${'00'.repeat(family === 2 ? 12 : 24)}`;
    const login = onHost('perl', '-e', server, String(family), name, VMNET, prompt);
    await until(['ss', '-Hlnt'], ':4000');
    startIn(gateway, [
      'perl',
      '-MSocket',
      '-MIO::Socket::IP',
      '-e',
      'my $s = IO::Socket::IP->new(PeerHost => $ARGV[0], PeerPort => 4000) or die; sleep 60',
      address,
    ]);
    const { stdout, stderr } = await login;
    assert.deepEqual([stderr, stdout], ['', 'mgmt\n[mgmt] # '], address);
  }
  const console = await onHost('sh', '-c', '"$1" vrf enter; ip vrf identify $$', 'sh', VMNET);
  assert.deepEqual([console.stderr, console.stdout], ['', '']);
  const named = await onHost('sh', '-c', '"$1" vrf enter mgmt; ip vrf identify $$', 'sh', VMNET);
  assert.deepEqual([named.stderr, named.stdout], ['', 'mgmt']);
});

test('verify is content with a VRF in order, and finds what is wrong', { skip }, async () => {
  assert.deepEqual(await wrong(), []);
  const table: [string, readonly string[], readonly string[], readonly string[]][] = [
    [
      'local first',
      ['-4 rule add pref 0 lookup local', '-6 rule add pref 0 lookup local'],
      ['-4 rule del pref 0', '-6 rule del pref 0'],
      ['rules', 'rules', 'dns'],
    ],
    [
      'no way out',
      [
        '-4 route del default dev eth0 table 1001',
        '-6 route del default dev eth0 table 1001',
        '-4 route del unreachable default table 1001',
        '-6 route del unreachable default table 1001',
      ],
      [
        '-4 route add default via 10.0.0.1 dev eth0 table 1001',
        '-6 route add default via 2001:db8::1 dev eth0 table 1001',
        '-4 route add unreachable default metric 4278198272 table 1001',
        '-6 route add unreachable default metric 4278198272 table 1001',
      ],
      ['default', 'last resort', 'default', 'last resort'],
    ],
    [
      'leak, and no stub',
      [
        '-4 route add default via 10.0.0.1 dev eth0',
        '-6 route add default via 2001:db8::1 dev eth0',
        '-4 address del 127.0.0.53/32 dev mgmt',
        '-6 address del ::1/128 dev mgmt',
      ],
      [
        '-4 route del default',
        '-6 route del default dev eth0',
        '-4 address add 127.0.0.53/32 dev mgmt',
        '-6 address add ::1/128 dev mgmt nodad',
      ],
      ['leak', 'leak', 'loopback', 'loopback', 'dns'],
    ],
  ];
  for (const [what, breaking, mending, expected] of table) {
    for (const line of breaking) await ip(host, ...line.split(' '));
    const checks = (await wrong()).map(({ check }) => check);
    for (const line of mending) await ip(host, ...line.split(' '));
    assert.deepEqual(checks, expected, what);
  }
  await ip(gateway, 'link', 'set', 'eth0', 'arp', 'off');
  await ip(gateway, 'address', 'del', '2001:db8::1/64', 'dev', 'eth0');
  const silent = await wrong();
  await ip(gateway, 'link', 'set', 'eth0', 'arp', 'on');
  await ip(gateway, 'address', 'add', '2001:db8::1/64', 'dev', 'eth0', 'nodad');
  assert.deepEqual(
    silent.filter(({ check }) => check !== 'dns').map(({ check }) => check),
    ['gateway', 'gateway'],
  );
});

test('cgroups of a VRF that was made again are found, and mended by --repair', { skip }, async () => {
  await ip(host, 'link', 'del', 'mgmt');
  await ipBatch(host, VRF_LINES);
  await ip(host, '-6', 'route', 'replace', 'unreachable', 'default', 'metric', '4278198272', 'table', '1001');
  const stale = (await wrong()).filter(({ check }) => check === 'cgroup');
  assert.equal(stale.length, 1);
  assert.match(stale[0]?.hint ?? '', /--repair.*restart/);
  const left = (await wrong('--repair')).map(({ check }) => check);
  // The forwarder's sockets are still those of the old VRF.
  assert.deepEqual(left, ['dns']);
});
