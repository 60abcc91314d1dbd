// What vmnet vrf verify finds in a VRF made with plain ip, and what of that it mends.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ip, ipBatch } from '../support/command.ts';
import { gateway, host, inVrfScene, skip, startForwarder, VRF_LINES, vmnet } from './vrf-scene.ts';

inVrfScene();

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

test('verify is content with a VRF in order, and finds what is wrong', { skip }, async () => {
  await startForwarder();
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
