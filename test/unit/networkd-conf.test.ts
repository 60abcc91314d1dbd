import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseIfname } from '../../lib/core/model/ifname.ts';
import {
  LEAVE_FOREIGN_ALONE,
  leadsOut,
  leavesForeignAlone,
  NETWORKD_MARK,
  type NetworkdVrf,
  namesVrf,
  netdevOf,
  networkdFiles,
} from '../../lib/core/source/networkd-conf.ts';

test('whether systemd-networkd leaves the rules and routes of others alone', async t => {
  const table: readonly (readonly [string, readonly string[], boolean])[] = [
    ['nothing is said', ['', '[Network]\n#ManageForeignRoutes=no\n'], false],
    ['one of the two', ['[Network]\nManageForeignRoutes=no\n'], false],
    [
      'both, over two files',
      ['[Network]\nManageForeignRoutes = false\n', '[Network]\nManageForeignRoutingPolicyRules=0\n'],
      true,
    ],
    ['taken back by a later file', [LEAVE_FOREIGN_ALONE, '[Network]\nManageForeignRoutes=yes\n'], false],
    ["vmnet's own", [LEAVE_FOREIGN_ALONE], true],
  ];
  for (const [name, texts, expected] of table)
    await t.test(name, () => assert.equal(leavesForeignAlone(texts), expected));
});

test('the files by which systemd-networkd knows of VRFs', async t => {
  const file = '/run/systemd/network/10-netplan-eth0.network';
  const port = '/etc/systemd/network/10-netplan-eth0.network.d/50-vmnet-vrf.conf';
  const vrf = {
    name: parseIfname('mgmt', ''),
    table: 1001,
    scope: 'full',
    routers: { 4: true, 6: true },
  } as const;
  const ports = [{ name: parseIfname('eth0', ''), file }];
  const keys = (text = '') => text.split('\n').filter(line => line !== '' && !line.startsWith('#'));
  const calm = ['[Network]', 'IgnoreCarrierLoss=yes', 'IgnoreCarrierLoss=10s', 'VRF=mgmt'];
  const no4 = ['[DHCPv4]', 'UseGateway=no'];
  const no6 = ['[IPv6AcceptRA]', 'UseGateway=no'];
  const table: readonly (readonly [string, Partial<NetworkdVrf>, readonly string[]])[] = [
    ['as it is', {}, calm],
    ['another router of IPv4', { routers: { 4: false, 6: true } }, [...calm, ...no4]],
    ['another router of IPv6', { routers: { 4: true, 6: false } }, [...calm, ...no6]],
    ['the subnets alone', { scope: 'lan' }, [...calm, ...no4, 'UseRoutes=no', ...no6]],
  ];
  for (const [name, more, expected] of table) {
    await t.test(name, () => {
      const files = networkdFiles([{ ...vrf, ports, ...more }]);
      assert.deepEqual(keys(files.get(port)), expected);
      for (const text of files.values()) assert.ok(text.startsWith(NETWORKD_MARK));
      const netdev = files.get('/etc/systemd/network/05-vmnet-mgmt.netdev') ?? '';
      assert.deepEqual(netdevOf(netdev), { name: 'mgmt', table: 1001 });
    });
  }
  assert.equal(networkdFiles([{ ...vrf, ports: [] }]).size, 0, 'no port is of networkd');
  assert.equal(namesVrf('[Network]\n VRF = blue\n'), true);
  assert.equal(namesVrf('[Network]\n#VRF=blue\nVRF=\n'), false);
});

test('whether a file of systemd-networkd has a router', async t => {
  const table: readonly (readonly [string, string, boolean])[] = [
    ['an address', '[Network]\nAddress=192.0.2.2/24\n', false],
    ['a router of the network', '[Network]\nGateway=192.0.2.1\n', true],
    ['one of IPv6, with spaces', '[Network]\n Gateway = 2001:db8::1\n', true],
    ['that of a route', '[Route]\nDestination=198.51.100.0/24\nGateway=_dhcp4\n', true],
    ['none', '[Network]\n#Gateway=192.0.2.1\nGateway=\nDefaultRouteOnDevice=no\n', false],
  ];
  for (const [name, text, expected] of table)
    await t.test(name, () => assert.equal(leadsOut(text), expected));
});
