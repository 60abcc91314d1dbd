// What DHCP clients say of a lease, as they said it, and the lines of ip that follow.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VmnetError } from '../../lib/core/errors.ts';
import { type Client, type Environment, type Lease, leaseOf } from '../../lib/core/vrf/lease.ts';
import { type LeaseFacts, leaseSteps } from '../../lib/core/vrf/lease-steps.ts';

const DHCLIENT4 = {
  interface: 'eth0',
  reason: 'BOUND',
  new_broadcast_address: '10.0.0.255',
  new_dhcp_lease_time: '120',
  new_dhcp_server_identifier: '10.0.0.1',
  new_domain_name_servers: '10.0.0.1 10.0.0.9',
  new_ip_address: '10.0.0.51',
  new_rfc3442_classless_static_routes: '16 10 8 10 0 0 1 0 10 0 0 1',
  new_routers: '10.0.0.254',
  new_subnet_mask: '255.255.255.0',
};
const DHCLIENT6 = {
  interface: 'eth0',
  reason: 'BOUND6',
  new_dhcp6_name_servers: '2001:db8::1',
  new_dhcp6_server_id: '0:1:0:1:32:96:dc:de:42:f:a3:a:65:5d',
  new_ip6_address: '2001:db8::5c',
  new_ip6_prefixlen: '128',
};
const DHCPCD4 = {
  interface: 'eth0',
  reason: 'BOUND',
  protocol: 'dhcp',
  new_classless_static_routes: '10.8.0.0/16 10.0.0.1 0.0.0.0/0 10.0.0.1',
  new_dhcp_server_identifier: '10.0.0.1',
  new_domain_name_servers: '10.0.0.1',
  new_routers: '10.0.0.1',
};
const DHCPCD6 = {
  interface: 'eth0',
  reason: 'BOUND6',
  protocol: 'dhcp6',
  new_dhcp6_ia_na1_ia_addr1: '2001:db8::55',
  new_dhcp6_name_servers: '2001:db8::1',
};
const ADVERT = {
  interface: 'eth0',
  reason: 'ROUTERADVERT',
  protocol: 'ra',
  nd1_from: 'fe80::400f:a3ff:fe0a:655d',
  nd1_rdnss1_lifetime: '120',
  nd1_rdnss1_servers: '2001:db8::1 fe80::1%eth0',
};
const UDHCPC = {
  interface: 'eth0',
  dns: '10.0.0.1 10.0.0.9',
  ip: '10.0.0.51',
  mask: '24',
  router: '10.0.0.1',
  serverid: '10.0.0.1',
  subnet: '255.255.255.0',
};

/** `STATE FAMILY ROUTES | SERVERS | FROM | ADDRESS`. */
function inWords(lease: Lease | undefined): string {
  if (lease === undefined) return '-';
  const { state, family, routes, servers, from, address } = lease;
  const ways = routes.map(route => `${route.destination.text} ${route.gateway?.text ?? 'link'}`).join(', ');
  const asked = servers.map(({ text }) => text).join(' ');
  return [`${state} ${family}`, ways, asked, from?.text ?? '', address ?? ''].join(' | ').trimEnd();
}

test('environments of the clients', () => {
  const both = '10.8.0.0/16 10.0.0.1, 0.0.0.0/0 10.0.0.1';
  const ended = { interface: 'eth0', old_dhcp_server_identifier: '10.0.0.1' };
  const table: [Client, Environment, string, string?][] = [
    ['dhclient', { interface: 'eth0', reason: 'PREINIT' }, '-'],
    ['dhclient', { interface: 'eth0', reason: 'PREINIT6' }, '-'],
    ['dhclient', DHCLIENT4, `held 4 | ${both} | 10.0.0.1 10.0.0.9 | 10.0.0.1 |`],
    [
      'dhclient',
      { ...DHCLIENT4, reason: 'RENEW', new_rfc3442_classless_static_routes: undefined },
      'held 4 | 0.0.0.0/0 10.0.0.254 | 10.0.0.1 10.0.0.9 | 10.0.0.1 |',
    ],
    [
      'dhclient',
      { ...DHCLIENT4, new_rfc3442_classless_static_routes: '32 192 0 2 1 0 0 0 0' },
      'held 4 | 192.0.2.1/32 link | 10.0.0.1 10.0.0.9 | 10.0.0.1 |',
    ],
    ['dhclient', { ...ended, reason: 'EXPIRE' }, 'gone 4 |  |  | 10.0.0.1 |'],
    ['dhclient', DHCLIENT6, 'held 6 |  | 2001:db8::1 |  |'],
    ['dhclient', { ...DHCLIENT6, reason: 'RENEW6' }, 'held 6 |  | 2001:db8::1 |  |'],
    ['dhclient', { interface: 'eth0', reason: 'STOP6' }, 'gone 6 |  |  |  |'],
    ['dhcpcd', { interface: 'eth0', reason: 'CARRIER' }, '-'],
    ['dhcpcd', DHCPCD4, `held 4 | ${both} | 10.0.0.1 | 10.0.0.1 |`],
    ['dhcpcd', DHCPCD6, 'held 6 |  | 2001:db8::1 |  |'],
    ['dhcpcd', ADVERT, 'held 6 |  | 2001:db8::1 |  |'],
    ['dhcpcd', { ...ended, reason: 'NOCARRIER' }, 'gone 4 |  |  | 10.0.0.1 |'],
    ['udhcpc', UDHCPC, 'held 4 | 0.0.0.0/0 10.0.0.1 | 10.0.0.1 10.0.0.9 | 10.0.0.1 | 10.0.0.51/24', 'bound'],
    [
      'udhcpc',
      { ...UDHCPC, staticroutes: '10.8.0.0/16 10.0.0.1 0.0.0.0/0 10.0.0.1' },
      `held 4 | ${both} | 10.0.0.1 10.0.0.9 | 10.0.0.1 | 10.0.0.51/24`,
      'renew',
    ],
    ['udhcpc', { interface: 'eth0' }, 'gone 4 |  |  |  |', 'deconfig'],
    ['udhcpc', UDHCPC, '-', 'leasefail'],
  ];
  for (const [client, environment, wanted, action] of table) {
    const name = `${client} ${environment.reason ?? action}`;
    assert.equal(inWords(leaseOf(client, environment, action)), wanted.trimEnd(), name);
  }
});

test('what a server sends that is no address and no route names the variable', () => {
  const table: [Environment, RegExp][] = [
    [{ ...DHCLIENT4, new_rfc3442_classless_static_routes: '33 10 8' }, /new_rfc3442_classless_static_routes/],
    [{ ...DHCLIENT4, new_rfc3442_classless_static_routes: '16 10 8 10 0' }, /new_rfc3442/],
    [{ ...DHCLIENT4, new_rfc3442_classless_static_routes: '16 10 999 10 0 0 1' }, /new_rfc3442/],
    [{ ...DHCLIENT4, new_domain_name_servers: '$(reboot)' }, /new_domain_name_servers/],
    [{ ...DHCLIENT6, new_dhcp6_name_servers: '2001:db8::g' }, /new_dhcp6_name_servers/],
    [{ ...DHCLIENT4, interface: 'eth0; reboot' }, /interface/],
  ];
  for (const [environment, named] of table) {
    assert.throws(
      () => leaseOf('dhclient', environment),
      (thrown: unknown) =>
        thrown instanceof VmnetError && thrown.exit === 'request' && named.test(`${thrown.where}`),
      `${named}`,
    );
  }
});

const NONE: LeaseFacts = { table: 1001, strayed: [], routes: [], rules: [] };

function stepsOf(client: Client, environment: Environment, facts: Partial<LeaseFacts>): readonly string[] {
  const lease = leaseOf(client, environment);
  assert.ok(lease !== undefined);
  return leaseSteps(lease, { ...NONE, ...facts });
}

test('the lines of ip', () => {
  const one = { ...DHCLIENT4, new_rfc3442_classless_static_routes: '' };
  const rule = 'pref 890 to 10.0.0.1 ipproto udp dport 67 lookup 1001 protocol kernel';
  const leased = 'route replace default via 10.0.0.254 dev eth0 onlink table 1001 protocol 16';
  const there = { priority: 890, dst: '10.0.0.1', table: '1001' };
  assert.deepEqual(stepsOf('dhclient', one, {}), [leased, `rule add ${rule}`]);
  // Its own default route in main goes when the one in the table is there; a static route beside it moves.
  const strayed = [
    { dst: 'default', gateway: '10.0.0.254', protocol: '3' },
    { dst: '192.0.2.0/24', gateway: '10.0.0.9', protocol: '3', metric: 5, prefsrc: '10.0.0.51' },
    { dst: '198.51.100.0/24', protocol: '2' },
  ];
  assert.deepEqual(stepsOf('dhclient', one, { strayed, rules: [there] }), [
    leased,
    'route replace 192.0.2.0/24 via 10.0.0.9 dev eth0 onlink table 1001 protocol 16 src 10.0.0.51 metric 5',
    'route del default dev eth0 table main',
    'route del 192.0.2.0/24 dev eth0 table main metric 5',
  ]);
  const before = [
    { dst: 'default', gateway: '10.0.0.7', protocol: '16' },
    { dst: '192.0.2.0/24', gateway: '10.0.0.7', protocol: '16' },
    { dst: '203.0.113.0/24', gateway: '10.0.0.7', protocol: '4' },
  ];
  assert.deepEqual(stepsOf('dhclient', one, { routes: before, rules: [there] }), [
    leased,
    'route del 192.0.2.0/24 dev eth0 table 1001',
  ]);
  const expired = { interface: 'eth0', reason: 'EXPIRE', old_dhcp_server_identifier: '10.0.0.1' };
  assert.deepEqual(stepsOf('dhclient', expired, { routes: before, rules: [there] }), [
    'route del default dev eth0 table 1001',
    'route del 192.0.2.0/24 dev eth0 table 1001',
    `rule del ${rule}`,
  ]);
  // dhcpcd puts what routers advertise into main itself, and names no route: they move as they are, and stay.
  const advertised = [
    { dst: 'default', gateway: 'fe80::1', protocol: '9', metric: 1002 },
    { dst: '2001:db8::/64', protocol: '9', metric: 1002 },
  ];
  const own = [{ dst: 'default', gateway: 'fe80::1', protocol: '16', metric: 1002 }];
  assert.deepEqual(stepsOf('dhcpcd', ADVERT, { strayed: advertised, routes: own }), [
    'route replace default via fe80::1 dev eth0 onlink table 1001 protocol 16 metric 1002',
    'route replace 2001:db8::/64 dev eth0 table 1001 protocol 16 metric 1002',
    'route del default dev eth0 table main metric 1002',
    'route del 2001:db8::/64 dev eth0 table main metric 1002',
  ]);
  assert.deepEqual(stepsOf('dhcpcd', DHCPCD6, {}), []);
});
