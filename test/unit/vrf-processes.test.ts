// Which VRF a process, a connection or a command belongs to.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { splitWords } from '../../lib/cli/vrf/words.ts';
import { cgroupMount, isOfNamespace, vrfOfCgroup } from '../../lib/core/vrf/cgroup.ts';
import { readSockets, vrfOfConnection } from '../../lib/core/vrf/sockets.ts';

test('the VRF of a cgroup, and whose cgroup it is', () => {
  const table: [string, string | undefined][] = [
    ['0::/vrf/mgmt\n', 'mgmt'],
    ['12:cpu:/\n0::/user.slice/session-1.scope/vrf/mgmt\n', 'mgmt'],
    ['0::/x-ns/vrf/mgmt/below\n', 'mgmt'],
    ['0::/system.slice/ssh.service\n', undefined],
    ['1:net_cls:/vrf/mgmt\n', undefined],
    ['', undefined],
  ];
  for (const [text, vrf] of table) assert.equal(vrfOfCgroup(text), vrf, text);
  assert.equal(
    cgroupMount('none /sys/fs/cgroup/unified cgroup2 rw 0 0\nnone /run/cgroup2 cgroup2 rw 0 0\n'),
    '/run/cgroup2',
  );
  assert.equal(cgroupMount('cgroup /sys/fs/cgroup/cpu cgroup rw 0 0\n'), undefined);
  const whose: [string, string | undefined, boolean][] = [
    ['/sys/fs/cgroup/vrf/mgmt', undefined, true],
    ['/sys/fs/cgroup/a-ns/vrf/mgmt', undefined, false],
    ['/sys/fs/cgroup/a-ns/vrf/mgmt', 'a', true],
    ['/sys/fs/cgroup/a-ns/vrf/mgmt', 'b', false],
    ['/sys/fs/cgroup/vrf/mgmt', 'a', false],
  ];
  for (const [path, netns, ours] of whose) assert.equal(isOfNamespace(path, netns), ours, `${path} ${netns}`);
});

test('sockets as ss prints them, and the VRF of a connection', () => {
  const text = [
    'ESTAB 0 0 10.0.0.2%mgmt:22 10.0.0.1:40000 users:(("sshd",pid=11,fd=4),("sshd",pid=10,fd=4))',
    'ESTAB 0 0 [2001:db8::2]%mgmt:22 [2001:db8::1]:40000 users:(("sshd",pid=12,fd=4))',
    'ESTAB 0 0 192.0.2.5:22 192.0.2.6:40000 users:(("sshd",pid=13,fd=4))',
    'ESTAB 0 0 [fe80::1]%eth1:22 [fe80::2]:40000 users:(("sshd",pid=14,fd=4))',
  ].join('\n');
  const sockets = readSockets(text);
  const of = (pid: number) => vrfOfConnection(sockets, pid, ['mgmt', 'other']);
  assert.deepEqual([10, 11, 12, 13, 14, 15].map(of), [
    'mgmt',
    'mgmt',
    'mgmt',
    undefined,
    undefined,
    undefined,
  ]);
});

test('the words of a command that is run in a VRF are its own', () => {
  const table: [string, string, readonly string[]][] = [
    ['vrf exec mgmt ping -c 1 x', 'vrf exec mgmt', ['ping', '-c', '1', 'x']],
    ['vrf exec mgmt -- ls -- --help', 'vrf exec mgmt', ['ls', '--', '--help']],
    [
      '--config f vrf --log-level=debug exec mgmt ls --config g',
      '--config f vrf --log-level=debug exec mgmt',
      ['ls', '--config', 'g'],
    ],
    ['vrf exec mgmt', 'vrf exec mgmt', []],
    ['vrf exec --help', 'vrf exec --help', []],
    ['vrf dns mgmt --conf', 'vrf dns mgmt --conf', []],
    ['attach vrf exec', 'attach vrf exec', []],
    ['attach -- vrf exec mgmt ls', 'attach -- vrf exec mgmt ls', []],
    ['', '', []],
  ];
  for (const [words, own, command] of table) {
    assert.deepEqual(splitWords(words.split(' ')), { own: own.split(' '), command }, words);
  }
});
