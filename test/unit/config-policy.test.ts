import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse, refused } from '../support/parse-config.ts';

test('everything that a network says of what its NICs may do', () => {
  const { networks } = parse(`
[network public]
filter = mac
link-local = any
allowed-addresses = 192.0.2.100 198.51.100.0/28 2001:DB8:993::100 2001:db8:7::/64 fe80::5
isolated = yes
firewall = limited-2
whitelist = 203.0.113.0/24 2001:db8:5::5
host-services = ssh dns tcp/8080 dhcp udp/53 ntp tftp http https

[network lan]
mode = bridged
link = br0
filter-unknown-family = allow
mac-prefix = AA:00:10
hairpin = yes
flood = no
learning = yes
`);
  assert.deepEqual(networks, [
    {
      name: 'public',
      where: 'a.ini:2',
      hostAccess: false,
      filter: 'mac',
      linkLocal: 'any',
      allowedAddresses: [
        { family: 4, address: '192.0.2.100', length: 32, text: '192.0.2.100/32' },
        { family: 4, address: '198.51.100.0', length: 28, text: '198.51.100.0/28' },
        { family: 6, address: '2001:db8:993::100', length: 128, text: '2001:db8:993::100/128' },
        { family: 6, address: '2001:db8:7::', length: 64, text: '2001:db8:7::/64' },
        { family: 6, address: 'fe80::5', length: 128, text: 'fe80::5/128' },
      ],
      isolated: true,
      firewall: 'limited-2',
      whitelist: [
        { family: 4, address: '203.0.113.0', length: 24, text: '203.0.113.0/24' },
        { family: 6, address: '2001:db8:5::5', length: 128, text: '2001:db8:5::5/128' },
      ],
      hostServices: [
        ...[22, 53, 80, 443, 8080].map(port => ({ protocol: 'tcp', port })),
        ...[53, 67, 69, 123, 547].map(port => ({ protocol: 'udp', port })),
      ],
    },
    {
      name: 'lan',
      where: 'a.ini:11',
      mode: 'bridged',
      link: 'br0',
      hostAccess: false,
      filterUnknownFamily: 'allow',
      macPrefix: { mac: 'aa:00:10:00:00:00', mask: 'ff:ff:ff:00:00:00' },
      hairpin: true,
      flood: false,
      learning: true,
    },
  ]);
});

test('prefixes of MAC addresses', () => {
  const table: [string, string, string][] = [
    ['aa:00:10', 'aa:00:10:00:00:00', 'ff:ff:ff:00:00:00'],
    ['aa:00:10:05', 'aa:00:10:05:00:00', 'ff:ff:ff:ff:00:00'],
    ['00:00:00:00:01', '00:00:00:00:01:00', 'ff:ff:ff:ff:ff:00'],
    ['aa:00:10:00:00:00/ff:ff:f0:00:00:00', 'aa:00:10:00:00:00', 'ff:ff:f0:00:00:00'],
    ['AA:00:10:00:00:04/FF:FF:FF:FF:FF:FE', 'aa:00:10:00:00:04', 'ff:ff:ff:ff:ff:fe'],
  ];
  for (const [text, mac, mask] of table) {
    const [network] = parse(`[network n]\nmode = bridged\nmac-prefix = ${text}\n`).networks;
    assert.deepEqual(network?.macPrefix, { mac, mask }, text);
  }
});

test('bad values name the key and the line', () => {
  const table: [string, readonly string[]][] = [
    ['filter', ['ful', 'yes', 'Full', 'ip']],
    ['filter-unknown-family', ['accept', 'no']],
    ['link-local', ['eui-64', 'none']],
    ['allowed-addresses', ['192.0.2.1/24', '192.0.2.1,192.0.2.2', '192.0.2.5 192.0.2.5', '192.0.2.5 x']],
    ['allowed-addresses', ['0.0.0.0/0', '127.0.0.1', '224.0.0.0/4', '192.0.2.0/33']],
    ['allowed-addresses', ['2001:db8::1/64', '2001:db8::5 x', '2001:db8::/129']],
    ['allowed-addresses', ['::/0', '::1', 'ff02::1', 'fe80::/64', 'fe00::/8', '8000::/1']],
    ['mac-prefix', ['aa:00', 'aa:00:10:00:00:00', '01:00:5e', 'aa-00-10', 'aa:00:1', 'aa:00:10/24']],
    ['mac-prefix', ['aa:00:10:00:00:00/20', 'aa:00:10/ff:ff:f0:00:00:00', 'x/ff:ff:f0:00:00:00']],
    ['mac-prefix', ['aa:00:10:00:00:00/ff:ff:0f:00:00:00', 'aa:00:1f:00:00:00/ff:ff:f0:00:00:00']],
    ['mac-prefix', ['00:00:00:00:00:00/00:00:00:00:00:00', 'aa:00:10:00:00:01/ff:ff:ff:ff:ff:ff']],
    ['isolated', ['true']],
    ['hairpin', ['on']],
    ['flood', ['off']],
    ['learning', ['1']],
    ['firewall', ['Protected', '1st', '../x', 'a'.repeat(33), 'a b', '-x']],
    ['whitelist', ['192.0.2.1/24', '2001:db8::1/64', '0.0.0.0/0', '::/0', 'example.org']],
    ['host-services', ['ping', 'metadata', 'sctp/5', 'tcp', 'dns,ntp', 'dns dns', 'constructor']],
    ['host-services', ['tcp/0', 'tcp/65536', 'tcp/080', 'tcp/-1', 'udp/ntp']],
  ];
  for (const [key, values] of table) {
    for (const value of values)
      refused(`[network n]\nmode = bridged\n\n${key} = ${value}\n`, 'a.ini:4', new RegExp(key));
  }
});

test('hints of bad values', () => {
  const table: [string, RegExp][] = [
    ['filter = fulll', /did you mean full/],
    ['host-services = dsn', /did you mean dns/],
    ['host-services = smtp', /tcp\/PORT/],
    ['allowed-addresses = 192.0.2.5/24', /192\.0\.2\.0\/24$/],
    ['allowed-addresses = 2001:db8::5/64', /2001:db8::\/64$/],
    ['mac-prefix = aa:00:1f:00:00:00/ff:ff:f0:00:00:00', /aa:00:10:00:00:00$/],
    ['learnign = no', /did you mean learning/],
  ];
  for (const [line, says] of table) refused(`[network n]\n${line}`, 'a.ini:2', says);
});

test('what only a port of a bridge has', () => {
  const table: [string, string, RegExp][] = [
    ['mode = routed\nmac-prefix = aa:00:10', 'a.ini:3', /mac-prefix.*mode = bridged/],
    ['table = 5\nlearning = no', 'a.ini:3', /learning.*mode = bridged/],
    ['hairpin = no', 'a.ini:2', /hairpin/],
    ['flood = yes', 'a.ini:2', /flood/],
    ['filter-unknown-family = allow', 'a.ini:2', /filter-unknown-family/],
  ];
  for (const [lines, where, says] of table) refused(`[network n]\n${lines}\n`, where, says);
});

const net = (name: string, lines: string): string => `[network ${name}]\n${lines.replaceAll(', ', '\n')}\n`;
const BRIDGED = 'mode = bridged, link = b';

test('networks that share what the host opens', () => {
  const bad: [string, string, string, RegExp][] = [
    ['table = 5, host-services = dns', 'table = 5', 'b.ini:1', /group 5.*host-services.*a\.ini:3/],
    [
      `${BRIDGED}, host-services = dns`,
      `${BRIDGED}, host-services = ntp`,
      'b.ini:4',
      /link b.*host-services udp\/123.*tcp\/53 udp\/53.*a\.ini:4/,
    ],
  ];
  for (const [a, b, where, says] of bad) refused([net('one', a), net('two', b)], where, says);
  const good: [string, string][] = [
    ['table = 5, host-services = dns', 'table = 5, host-services = udp/53 tcp/53'],
    ['table = 5, host-services = dns', 'table = 6'],
    [`${BRIDGED}, mac-prefix = aa:00:10`, `${BRIDGED}, mac-prefix = aa:00:20`],
    [`${BRIDGED}, host-services = dns`, 'mode = bridged, link = c'],
  ];
  for (const [a, b] of good)
    assert.equal(parse(net('one', a), net('two', b)).networks.length, 2, `${a} / ${b}`);
});
