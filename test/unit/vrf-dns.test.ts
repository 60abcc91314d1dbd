// Whom a query in a VRF asks: stub and servers, the forwarder's file, and what is said of it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Address, parseAddress } from '../../lib/core/model/address.ts';
import { type DnsFacts, type DnsPlan, dnsmasqText, dnsPlan, explainDns } from '../../lib/core/vrf/dns.ts';

const address = (text: string): Address => parseAddress(text, 'test');
const STUB = 'nameserver 127.0.0.53\noptions edns0 trust-ad\nsearch .\n';
const DHCLIENT = [
  'lease {\n  interface "eth0";\n  option domain-name-servers 10.0.0.9;\n}',
  'lease {\n  interface "eth1";\n  option domain-name-servers 10.9.9.9;\n}',
  'lease {\n  interface "eth0";\n  option domain-name-servers 10.0.0.1,10.0.0.3;\n}',
  'lease6 {\n  interface "eth0";\n  option dhcp6.name-servers 2001:db8::1;\n}',
].join('\n');

function planOf(facts: Partial<DnsFacts>): readonly [string, string] {
  const { stubs, servers } = dnsPlan({ resolvConf: STUB, configured: [], ports: [], ...facts });
  return [stubs.map(({ text }) => text).join(' '), servers.map(one => one.address.text).join(' ')];
}

test('stub and servers', () => {
  const eth0 = { name: 'eth0' };
  const table: [string, Partial<DnsFacts>, string, string][] = [
    [
      'configured',
      { configured: [address('10.0.0.1'), address('2001:db8::1')] },
      '127.0.0.53',
      '10.0.0.1 2001:db8::1',
    ],
    ['nothing known', {}, '127.0.0.53', ''],
    [
      'resolvectl',
      { ports: [{ ...eth0, resolvectl: 'Link 2 (eth0): 10.0.0.1 2001:db8::1\n' }] },
      '127.0.0.53',
      '10.0.0.1 2001:db8::1',
    ],
    [
      'resolvectl knows none',
      { ports: [{ ...eth0, resolvectl: 'Link 2 (eth0):\n', lease: 'DNS=10.0.0.1\n' }] },
      '127.0.0.53',
      '10.0.0.1',
    ],
    [
      'resolvectl with DNS over TLS',
      { ports: [{ ...eth0, resolvectl: 'Link 2 (eth0): 10.0.0.1#dns.example 10.0.0.3\n' }] },
      '127.0.0.53',
      '10.0.0.3',
    ],
    [
      'a stub of a stub',
      { ports: [{ ...eth0, resolvectl: 'Link 2 (eth0): 127.0.0.1 ::1 10.0.0.1\n' }] },
      '127.0.0.53',
      '10.0.0.1',
    ],
    [
      'link-local',
      { ports: [{ ...eth0, resolvectl: 'Link 2 (eth0): fe80::1%2 169.254.1.1 10.0.0.1\n' }] },
      '127.0.0.53',
      '10.0.0.1',
    ],
    [
      'lease of networkd',
      { ports: [{ ...eth0, lease: 'ADDRESS=10.0.0.2\nDNS=10.0.0.1 10.0.0.3\n' }] },
      '127.0.0.53',
      '10.0.0.1 10.0.0.3',
    ],
    [
      'lease of dhclient',
      { ports: [{ ...eth0, lease: DHCLIENT }] },
      '127.0.0.53',
      '10.0.0.1 10.0.0.3 2001:db8::1',
    ],
    [
      'configured comes first',
      { configured: [address('10.0.0.5')], ports: [{ ...eth0, lease: 'DNS=10.0.0.1' }] },
      '127.0.0.53',
      '10.0.0.5',
    ],
    [
      'stubs of both families',
      { resolvConf: 'nameserver ::1\nnameserver 127.0.0.1\n', configured: [address('10.0.0.1')] },
      '::1 127.0.0.1',
      '10.0.0.1',
    ],
    [
      'servers without a stub',
      { resolvConf: 'nameserver 10.0.0.7\nnameserver 2001:db8::7\n', configured: [address('10.0.0.1')] },
      '',
      '10.0.0.7 2001:db8::7',
    ],
    [
      'a stub, and a server after it',
      { resolvConf: 'nameserver 127.0.0.1\nnameserver 10.0.0.7\n' },
      '127.0.0.1',
      '10.0.0.7',
    ],
    [
      'only three count',
      { resolvConf: 'nameserver 10.0.0.1\nnameserver 10.0.0.2\nnameserver 10.0.0.3\nnameserver 127.0.0.1\n' },
      '',
      '10.0.0.1 10.0.0.2 10.0.0.3',
    ],
    [
      'comments, and what is no address',
      { resolvConf: '# nameserver 10.0.0.1\n;nameserver 10.0.0.2\nnameserver x\n' },
      '127.0.0.1',
      '',
    ],
    ['no resolv.conf', { resolvConf: undefined, configured: [address('10.0.0.1')] }, '127.0.0.1', '10.0.0.1'],
  ];
  for (const [what, facts, stubs, servers] of table) assert.deepEqual(planOf(facts), [stubs, servers], what);
});

test('the last lease of each family, of the port alone', () => {
  const lease = DHCLIENT.replace(/^lease6/m, 'other');
  assert.deepEqual(planOf({ ports: [{ name: 'eth0', lease }] })[1], '10.0.0.1 10.0.0.3');
  assert.deepEqual(planOf({ ports: [{ name: 'eth1', lease }] })[1], '10.9.9.9');
  assert.deepEqual(planOf({ ports: [{ name: 'eth2', lease }] })[1], '');
});

const PLAN: DnsPlan = {
  stubs: [{ family: 4, text: '127.0.0.53' }],
  servers: [
    { address: address('10.0.0.1'), source: 'dns =' },
    { address: address('2001:db8::1'), source: 'dns =' },
  ],
};

test('the forwarder listens on the stub alone and asks these servers alone', () => {
  const lines = dnsmasqText('mgmt', PLAN)
    .split('\n')
    .filter(line => !line.startsWith('#'));
  const values = (key: string) =>
    lines.filter(line => line.startsWith(`${key}=`)).map(line => line.slice(key.length + 1));
  assert.deepEqual(values('listen-address'), ['127.0.0.53']);
  assert.deepEqual(values('server'), ['10.0.0.1', '2001:db8::1']);
  for (const word of ['bind-interfaces', 'no-resolv', 'no-hosts']) assert.ok(lines.includes(word), word);
});

test('what a query does now', () => {
  const listeners = 'UNCONN 0 0 127.0.0.53%lo:53 0.0.0.0:*\n';
  const inside = 'UNCONN 0 0 127.0.0.53%mgmt:53 0.0.0.0:*\n';
  const state = { vrf: 'mgmt', addresses: ['127.0.0.53'], listeners: listeners + inside, localLater: true };
  const table: [Partial<typeof state>, RegExp, RegExp | undefined][] = [
    [{}, /in mgmt: programs ask 127\.0\.0\.53 too, and what listens there/, /fail|nobody/],
    [{ listeners }, /in mgmt: .*nobody listens.*start vmnet-dns@mgmt/, undefined],
    [{ listeners: inside }, /outside: .*nobody listens/, /in mgmt: .*nobody/],
    [{ addresses: [] }, /no address of mgmt.*--conf/, undefined],
    [{ localLater: false }, /table local comes before/, undefined],
  ];
  for (const [change, says, not] of table) {
    const text = explainDns(PLAN, { ...state, ...change }).join('\n');
    assert.match(text, says);
    if (not !== undefined) assert.doesNotMatch(text, not);
  }
  assert.match(explainDns({ ...PLAN, servers: [] }, state).join('\n'), /dns =/);
  assert.match(explainDns({ ...PLAN, stubs: [] }, state).join('\n'), /in mgmt: .*directly/);
});
