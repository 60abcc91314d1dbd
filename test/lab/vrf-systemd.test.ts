// A management VRF beside the real systemd, networkd, resolved, logind and sshd, on a machine of its own.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { argvInside, ip, ipBatch, must, PATH, type Place, run } from '../support/command.ts';
import { INSIDE, makeKey, OUTSIDE, putLocalLater, VMNET, VRF_LINES } from './vrf-scene.ts';

const alone = process.env.VMNET_LAB !== undefined && existsSync('/run/systemd/system');
const skip = alone ? false : 'needs a machine of its own with systemd; make lab has one';
const gateway: Place = { ns: 'gw' };
const FAMILIES = [
  ['10.0.0.2', '10.0.0.1'],
  ['2001:db8::2', '2001:db8::1'],
] as const;
const LEASED = '192.0.2.3';
const running: ChildProcess[] = [];
const root = join(import.meta.dirname, '../..');

function put(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}

function putTemplate(from: string, to: string): void {
  put(to, readFileSync(join(root, from), 'utf8').replaceAll('@VMNET@', VMNET));
}

function start(argv: readonly string[]): void {
  const [file = '', ...args] = argv;
  running.push(spawn(file, args, { stdio: 'ignore', env: { PATH } }));
}

function dnsmasq(...args: readonly string[]): readonly string[] {
  const common = [
    '--conf-file=/dev/null',
    '--keep-in-foreground',
    '--no-hosts',
    '--no-resolv',
    '--user=root',
  ];
  return ['dnsmasq', ...common, '--pid-file=', '--bind-interfaces', '--local=/#/', ...args];
}

before(async () => {
  if (skip !== false) return;
  put(
    '/etc/vmnet/vmnet.ini',
    '[vrf mgmt]\ntable = 1001\nports = eth0\ndns = 10.0.0.1\nservices = ssh echo\n',
  );
  for (const unit of ['vmnet-dns@', 'vmnet-dns-outside@']) {
    putTemplate(`templates/${unit}.service`, `/etc/systemd/system/${unit}.service`);
  }
  put(
    '/etc/systemd/system/echo.service',
    '[Service]\nExecStart=socat TCP6-LISTEN:7000,ipv6only=0,fork,reuseaddr SYSTEM:id\nUser=nobody\n',
  );
  // networkd deletes what it does not know; of rules, those of protocol kernel stay.
  put(
    '/etc/systemd/networkd.conf.d/vmnet.conf',
    '[Network]\nManageForeignRoutes=no\nManageForeignRoutingPolicyRules=no\n',
  );
  put(
    '/etc/systemd/resolved.conf.d/test.conf',
    '[Resolve]\nDNS=127.0.0.1:5353\nCache=no\nLLMNR=no\nMulticastDNS=no\n',
  );
  // Other files bind over it, whether resolved runs yet or not.
  put('/run/systemd/resolve/stub-resolv.conf', 'nameserver 127.0.0.53\n');
  unlinkSync('/etc/resolv.conf');
  symlinkSync('/run/systemd/resolve/stub-resolv.conf', '/etc/resolv.conf');
  writeFileSync('/etc/nsswitch.conf', 'passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n');
  await must(['ip', 'netns', 'add', gateway.ns]);
  await must(['ip', 'link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', gateway.ns]);
  await ipBatch(gateway, [
    'link set lo up',
    'link set eth0 up',
    'address add 10.0.0.1/24 dev eth0',
    'address add 2001:db8::1/64 dev eth0 nodad',
  ]);
  const unreachable = '-6 route replace unreachable default metric 4278198272 table 1001';
  await must(['ip', '-batch', '-'], { input: ['link set eth0 up', ...VRF_LINES].join('\n') });
  await must(['ip', ...unreachable.split(' ')]);
  await putLocalLater();
  start(argvInside(gateway, dnsmasq(`--address=/test/${INSIDE}`)));
  start(dnsmasq('--port=5353', '--listen-address=127.0.0.1', `--address=/test/${OUTSIDE}`));
  await must(['systemctl', 'start', 'systemd-networkd', 'systemd-resolved'], { timeoutMs: 60_000 });
});

after(() => {
  for (const child of running) child.kill();
});

async function vmnet(...words: readonly string[]): Promise<string> {
  return must([VMNET, 'vrf', ...words], { timeoutMs: 60_000 });
}

async function isEventually(wanted: string, ask: () => Promise<string>): Promise<void> {
  let said = '';
  for (let i = 0; i < 40; i++) {
    said = await ask();
    if (said === wanted) return;
    await sleep(500);
  }
  assert.equal(said, wanted);
}

let names = 0;

/** A name of its own for each question: no cache on the way has it. */
async function lookUp(...into: readonly string[]): Promise<string> {
  const { stdout } = await run([...into, 'getent', 'ahostsv4', `n${names++}.test`], { timeoutMs: 30_000 });
  return stdout.split(/\s/)[0] ?? '';
}

const inVrf = (): Promise<string> => lookUp('ip', 'vrf', 'exec', 'mgmt');

test('names, inside by vmnet-dns@ and outside by systemd-resolved, on one resolv.conf', {
  skip,
}, async () => {
  assert.equal(await lookUp(), OUTSIDE);
  await must(['systemctl', 'start', 'vmnet-dns@mgmt'], { timeoutMs: 60_000 });
  await isEventually(INSIDE, inVrf);
  assert.equal(await lookUp(), OUTSIDE);
  const said = await vmnet('dns', 'mgmt');
  assert.match(said, /outside: programs ask 127\.0\.0\.53, as [^;]*$/m);
  assert.match(said, /in mgmt: .* what listens there is in mgmt/);
});

test('the servers come from resolvectl where the file names none', { skip }, async () => {
  put('/etc/vmnet/vmnet.ini', '[vrf mgmt]\ntable = 1001\nports = eth0\nservices = ssh echo\n');
  await must(['resolvectl', 'dns', 'eth0', '10.0.0.1']);
  assert.match(await vmnet('dns', 'mgmt'), /asks 10\.0\.0\.1 \(resolvectl dns eth0\)/);
  await must(['systemctl', 'restart', 'vmnet-dns@mgmt'], { timeoutMs: 60_000 });
  await isEventually(INSIDE, inVrf);
});

test('name servers of a lease reach the forwarder that runs', { skip }, async () => {
  await must(['resolvectl', 'revert', 'eth0']);
  await ip(gateway, 'address', 'add', '10.0.0.3/24', 'dev', 'eth0');
  start(argvInside(gateway, dnsmasq('--listen-address=10.0.0.3', `--address=/test/${LEASED}`)));
  const env = { reason: 'BOUND', interface: 'eth0', new_domain_name_servers: '10.0.0.3' };
  await must([VMNET, 'vrf', 'lease', 'dhclient'], { env, timeoutMs: 60_000 });
  await isEventually(LEASED, inVrf);
  assert.equal(await lookUp(), OUTSIDE);
  await must(['resolvectl', 'dns', 'eth0', '10.0.0.1']);
  await must([VMNET, 'vrf', 'lease', 'dhclient'], { env: { ...env, reason: 'RELEASE' }, timeoutMs: 60_000 });
  await isEventually(INSIDE, inVrf);
});

test('services listen in the VRF, in both families, and services says where', { skip }, async () => {
  writeFileSync(
    '/etc/ssh/sshd_config',
    'Include /etc/ssh/sshd_config.d/*.conf\nUsePAM yes\nPermitRootLogin yes\n',
  );
  await makeKey('/etc/ssh/ssh_host_ed25519_key');
  await vmnet('services', 'mgmt', '--apply');
  await must(['systemctl', 'start', 'ssh', 'echo'], { timeoutMs: 90_000 });
  for (const [address] of FAMILIES) await reaches(address);
  const said = await vmnet('services', 'mgmt');
  assert.match(said, /^ssh: .*listens on .*0\.0\.0\.0%mgmt:22/m);
  assert.match(said, /^echo: .*listens on \*%mgmt:7000/m);
  // Outside, sshd listens as before, and the other one no more.
  const outside = await must(['ss', '-Hltn']);
  assert.match(outside, / 0\.0\.0\.0:22 /);
  assert.doesNotMatch(outside, / \*:7000 /);
});

async function reaches(address: string): Promise<void> {
  const target = `TCP:[${address}]`.replace(/\[([\d.]+)\]/, '$1');
  await isEventually('uid=65534(nobody)', async () => {
    const { stdout } = await run(
      argvInside(gateway, ['socat', '-u', `${target}:7000,connect-timeout=3`, '-']),
    );
    return stdout.split(' ')[0] ?? '';
  });
}

test('a login by ssh is in the VRF, within its session of logind', { skip }, async () => {
  mkdirSync('/root/.ssh', { recursive: true, mode: 0o700 });
  await must(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', '/root/.ssh/id']);
  writeFileSync('/root/.ssh/authorized_keys', readFileSync('/root/.ssh/id.pub'), { mode: 0o600 });
  appendFileSync(
    '/etc/pam.d/sshd',
    `session optional pam_systemd.so\nsession optional pam_exec.so quiet type=open_session ${VMNET} vrf enter\n`,
  );
  // A manager of the user's own services takes long, and is none of what is tried here.
  put('/etc/systemd/system/user@0.service', '[Service]\nType=oneshot\nExecStart=true\nRemainAfterExit=yes\n');
  await must(['systemctl', 'daemon-reload'], { timeoutMs: 60_000 });
  await must(['systemctl', 'start', 'systemd-logind'], { timeoutMs: 60_000 });
  for (const [address] of FAMILIES) await logsIn(address);
});

const SSH = [
  'ssh',
  '-i',
  '/root/.ssh/id',
  '-o',
  'StrictHostKeyChecking=no',
  '-o',
  'UserKnownHostsFile=/dev/null',
  '-o',
  'LogLevel=ERROR',
];

async function logsIn(address: string): Promise<void> {
  const login = [...SSH, `root@${address}`, 'cat /proc/self/cgroup'];
  const said = await must(argvInside(gateway, login), { timeoutMs: 60_000 });
  assert.match(said, /^0::\/user\.slice\/.*session-.*\.scope\/vrf\/mgmt$/m, address);
}

test('programs outside are served by the VRF where there is no other way', { skip }, async () => {
  await must(['systemctl', 'start', 'vmnet-dns-outside@mgmt'], { timeoutMs: 60_000 });
  put(
    '/etc/systemd/resolved.conf.d/test.conf',
    '[Resolve]\nDNS=127.0.0.153\nCache=no\nLLMNR=no\nMulticastDNS=no\n',
  );
  await must(['resolvectl', 'revert', 'eth0']);
  put(
    '/etc/vmnet/vmnet.ini',
    '[vrf mgmt]\ntable = 1001\nports = eth0\ndns = 2001:db8::1\nservices = ssh echo\n',
  );
  await must(['systemctl', 'restart', 'vmnet-dns@mgmt', 'systemd-resolved'], { timeoutMs: 60_000 });
  await isEventually(INSIDE, () => lookUp());
  await isEventually(INSIDE, inVrf);
});

test('all of it survives a restart of networkd and resolved', { skip }, async () => {
  await must(['systemctl', 'restart', 'systemd-networkd', 'systemd-resolved'], { timeoutMs: 60_000 });
  await isEventually(INSIDE, () => lookUp());
  await isEventually(INSIDE, inVrf);
  for (const [address] of FAMILIES) {
    await reaches(address);
  }
  await logsIn('2001:db8::2');
  const found = await vmnet('verify', 'mgmt');
  assert.doesNotMatch(found, /^wrong/m);
  assert.match(await ip(gateway, 'link', 'show', 'eth0'), /state UP/);
});
