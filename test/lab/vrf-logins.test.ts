// Services and logins that enter a VRF.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { gateway, inVrfScene, onHost, skip, startIn, until, VMNET } from './vrf-scene.ts';

inVrfScene();

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
    setsockopt $listener, 1, 2, 1 or die;
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
