// What systemd-networkd is told of VRFs, and what of it goes again; it is not there itself, as in the lab.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { missingForNamespaces, run } from '../support/command.ts';

const PROGRAM = join(import.meta.dirname, '../support/programs/networkd.ts');
const ALONE = ['unshare', '--net', '--mount', '--pid', '--fork', '--mount-proc', '--propagation', 'private'];
const skip = missingForNamespaces() ?? false;

interface Told {
  readonly said: readonly string[];
  readonly files: Readonly<Record<string, string>>;
  readonly routes: string;
}

async function told(script: string, then: readonly object[] | string): Promise<Told> {
  const more = typeof then === 'string' ? ['', then] : [JSON.stringify(then)];
  const { exitCode, stdout, stderr } = await run([...ALONE, process.execPath, PROGRAM, script, ...more]);
  assert.equal(exitCode, 0, stderr);
  return JSON.parse(stdout);
}

const vrf = (name: string, port: string) => ({
  name,
  table: 993,
  scope: 'full',
  routers: { 4: true, 6: true },
  ports: [port],
});

const LINKS = `
ip link add eth0 type dummy || ip link add eth0 type veth peer name far0
ip link set eth0 up
`;
const put = (name: string, text: string) =>
  `mkdir -p $(dirname /etc/systemd/network/${name}); printf '# Written by vmnet; vmnet vrf down takes it away.\\n${text}' >/etc/systemd/network/${name}\n`;
const NETDEV = '05-vmnet-mgmt.netdev';
const PORT = '10-eth0.network.d/50-vmnet-vrf.conf';
/** As a run before has told it. */
const OF_MGMT = [
  put(NETDEV, '[NetDev]\\nName=mgmt\\nKind=vrf\\n[VRF]\\nTable=993\\n'),
  put(PORT, '[Network]\\nVRF=mgmt\\n'),
].join('');
const ROUTES = `
ip -4 route add unreachable 198.51.100.0/24 table 993
ip -6 route add unreachable 2001:db8:9::/48 table 993
`;

test('of a VRF that is no more nothing is left, but what others have by now', { skip }, async t => {
  const begin = `${LINKS}${OF_MGMT}${ROUTES}touch /run/active\nmanages eth0 /etc/systemd/network/10-eth0.network\n`;
  await t.test('nobody has its table', async () => {
    const { files, routes } = await told(begin, []);
    assert.deepEqual(files, {});
    assert.doesNotMatch(routes, /table 993/);
  });
  await t.test('somebody has its table', async () => {
    const rules = 'ip -4 rule add iif eth0 lookup 993\nip -6 rule add iif eth0 lookup 993\n';
    const { files, routes } = await told(`${begin}${rules}`, []);
    assert.deepEqual(files, {});
    assert.match(routes, /unreachable 198\.51\.100\.0\/24 table 993/);
    assert.match(routes, /unreachable 2001:db8:9::\/48 .*table 993/);
  });
});

test('a VRF is not forgotten as long as networkd says nothing of its port', { skip }, async t => {
  const inside = `${LINKS}${OF_MGMT}ip link add mgmt type bridge\nip link set eth0 master mgmt\n`;
  const state = '>/run/systemd/netif/links/$(cat /sys/class/net/eth0/ifindex)\n';
  const table: readonly (readonly [string, string])[] = [
    ['it is stopped', ''],
    ['it has not come to it yet', `touch /run/active\nprintf 'ADMIN_STATE=pending\\n' ${state}`],
  ];
  for (const [name, script] of table)
    await t.test(name, async () => {
      const { files } = await told(`${inside}${script}`, [vrf('mgmt', 'eth0')]);
      assert.deepEqual(Object.keys(files).sort(), [NETDEV, PORT]);
    });
  await t.test('it is, when the port has left', async () => {
    const { files } = await told(`${inside}ip link set eth0 nomaster\n`, [vrf('mgmt', 'eth0')]);
    assert.deepEqual(files, {});
  });
  await t.test('it is, when networkd has let go of the port', async () => {
    const script = `touch /run/active\nprintf 'ADMIN_STATE=unmanaged\\n' ${state}`;
    const { files } = await told(`${inside}${script}`, [vrf('mgmt', 'eth0')]);
    assert.deepEqual(files, {});
  });
});

test('taken back, networkd is told again what it had been told, word for word', { skip }, async () => {
  // Somebody has added a line, an empty one before it, and a tab.
  const ofLan = `${OF_MGMT}${put(PORT, '[Network]\\nVRF=mgmt\\n[DHCPv4]\\nUseGateway=no\\n\\n\\tRouteMetric=9\\n')}`;
  const calm = put('10-eth1.network.d/50-vmnet-vrf.conf', '[Network]\\nIgnoreCarrierLoss=yes\\n');
  const other = put('05-vmnet-blue.netdev', '[NetDev]\\nName=blue\\nKind=vrf\\n[VRF]\\nTable=994\\n');
  const { files: was } = await told(`${LINKS}${ofLan}`, 'true');
  assert.deepEqual(Object.keys(was).sort(), [NETDEV, PORT]);
  assert.match(was[PORT] ?? '', /^UseGateway=no$/m);
  const { files } = await told(`${LINKS}${ofLan}${calm}`, `${OF_MGMT}${other}`);
  assert.deepEqual(files, was);
});
