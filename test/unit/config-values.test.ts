import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { VmnetError } from '../../lib/core/errors.ts';
import { parseTable } from '../../lib/core/source/config.ts';
import { parse, refused, TABLES } from '../support/parse-config.ts';

const SHIPPED = join(import.meta.dirname, '../../etc/vmnet.ini');

test('lines that are neither section, key nor comment', () => {
  const table: [string, string, RegExp][] = [
    ['mtu = 1500\n[vmnet]', 'a.ini:1', /mtu/],
    ['[vmnet]\nguard', 'a.ini:2', /guard/],
    ['[vmnet]\n= strict', 'a.ini:2', /strict/],
    ['[bond b]\nports[] = eth0', 'a.ini:2', /ports\[\]/],
    ['[vmnet]\n"guard" = strict', 'a.ini:2', /guard/],
    ['[vmnet]\nguard =', 'a.ini:2', /guard/],
    ['[vmnet]\nguard = ; strict', 'a.ini:2', /guard/],
    ['[vmnet]\nguard = ""', 'a.ini:2', /guard/],
    ['[vmnet]\nguard = "strict', 'a.ini:2', /guard/],
    ['[vmnet]\nguard = "strict" no', 'a.ini:2', /guard/],
    ['[vmnet]\nguard = subnet;strict', 'a.ini:2', /guard/],
    ['[vmnet]\nlog-file = /var/log/a#b', 'a.ini:2', /log-file/],
    ['[vrf m]\ntable = 5\nservices = sshd a;b', 'a.ini:3', /services/],
    ['[network a]\nlink = a\0b', 'a.ini:2', /control/],
    ['[network a]\nlink = a\u2028b', 'a.ini:2', /control/],
    ['[vmnet]\nguard = strict\n\nguard = strict', 'a.ini:4', /guard.*a\.ini:2/],
    ['[vmnet]\n__proto__ = 1', 'a.ini:2', /__proto__/],
    ['[vmnet]\nconstructor = 1', 'a.ini:2', /constructor/],
    ['[vmnet]\ntapMac = 02:00:00:00:00:01', 'a.ini:2', /did you mean tap-mac/],
    ['[network a]\ngatewya = 192.0.2.1', 'a.ini:2', /gatewya.*did you mean gateway/],
    ['[network a]\ncolour = red', 'a.ini:2', /colour.*arp-source/],
    ['[bridge a]\nid = 5', 'a.ini:2', /id/],
  ];
  for (const [text, where, says] of table) refused(text, where, says);
});

test('bad values name the key and the line', () => {
  const table: [string, string, readonly string[]][] = [
    ['[vmnet]', 'tap-mac', ['01:00:5e:00:00:01', 'tap', '02:00:00:00:00', '02-00-00-00-00-01']],
    ['[vmnet]', 'route-protocol', ['0', '256', '-1', '1.5', '0x76', '1e2', '017', 'vmnet']],
    ['[vmnet]', 'rule-preference', ['0', '32001', '31991', 'x']],
    ['[vmnet]', 'guard', ['strcit', 'true', 'Strict', 'no']],
    ['[vmnet]', 'log-file', ['vmnet.log', './x', '/', '/var/log/', '/var/../etc/passwd', "/a'b"]],
    ['[network n]', 'mode', ['ruoted', 'ROUTED']],
    ['[network n]', 'link', ['-x', 'a b', 'a/b', '$(x)', 'é', 'a'.repeat(65)]],
    ['[network n]', 'table', ['0', '255', 'local', 'unspec', 'publc', '2147483648', '-1', '0x10', '010']],
    ['[network n]', 'table6', ['0', 'nowhere']],
    ['[network n]', 'uplink', ['-x', 'a b', 'a/b', 'sixteen-letters-', 'a:b', 'all']],
    ['[network n]', 'uplink6', ['..']],
    ['[network n]', 'group', ['0', '2147483648', 'x']],
    [
      '[network n]',
      'subnet',
      ['192.0.2.1/24', '192.0.2.0', '2001:db8::/64', '0.0.0.0/0', '127.0.0.0/8', '224.0.0.0/4', 'x'],
    ],
    ['[network n]', 'subnet6', ['2001:db8::1/64', '2001:db8::', '192.0.2.0/24', '::/0', 'ff00::/8', 'x']],
    ['[network n]', 'gateway', ['2001:db8::1', '192.0.2.1/24', '192.0.2', 'x']],
    ['[network n]', 'gateway6', ['192.0.2.1', '2001:db8::1/64', 'x']],
    ['[network n]', 'arp-source', ['2001:db8::1', '0.0.0.0', 'x']],
    ['[network n]', 'host-access', ['true', '1', 'Yes', 'yse']],
    ['[network n]', 'probe', ['true', '1', 'Yes', 'never']],
    ['[bond b]', 'mode', ['balance-rr', '802.3da', '4']],
    ['[bond b]', 'ports', ['eth0,eth1', 'eth0 eth0', 'eth0 -x']],
    ['[bond b]', 'xmit-hash-policy', ['layer3', 'layer4+3']],
    ['[vlan v]', 'id', ['0', '4095', 'x']],
    ['[vlan v]', 'parent', ['a b', '-x']],
    ['[bridge b]', 'mtu', ['67', '65536', 'jumbo']],
    ['[bridge b]', 'ports', ['b']],
    [
      '[bridge b]',
      'addresses',
      ['10.0.0.1', '0.0.0.0/8', '10.0.0.1/33', '10.0.0.1/24 2001:db8::1', '10.0.0.1/24 10.0.0.1/24'],
    ],
    ['[bridge b]', 'gateway', ['fe80::1']],
    ['[bridge b]', 'gateway6', ['10.0.0.1']],
    ['[vrf v]', 'table', ['0', '255', 'local', 'nowhere']],
    ['[vrf v]', 'dns', ['10.0.0.53,10.0.0.54', '127.0.0.1', 'resolver']],
    ['[vrf v]', 'services', ['-x', 'a/b', 'a$(b)', 'sshd sshd']],
  ];
  for (const [head, key, values] of table) {
    for (const value of values) refused(`${head}\n\n${key} = ${value}\n`, 'a.ini:3', new RegExp(key));
  }
});

test('hints of bad values', () => {
  const table: [string, string, RegExp][] = [
    ['[vmnet]\nguard = strcit', 'a.ini:2', /did you mean strict/],
    ['[network n]\nmode = ruoted', 'a.ini:2', /did you mean routed/],
    ['[network n]\nhost-access = maybe', 'a.ini:2', /yes.*no/],
    ['[network n]\nsubnet = 192.0.2.1/24', 'a.ini:2', /192\.0\.2\.0\/24$/],
    ['[network n]\nsubnet6 = 2001:db8::5/64', 'a.ini:2', /2001:db8::\/64$/],
    ['[network n]\ntable = publik_993', 'a.ini:2', /did you mean public_993.*rt_tables\.d/],
    ['[network n]\ntable = guests', 'a.ini:2', /rt_tables\.d.*guests/],
  ];
  for (const [text, where, says] of table) refused(text, where, says);
});

test('keys that a section needs', () => {
  refused('[bond b]\nports = eth0', 'a.ini:1', /mode/);
  refused('[bond b]\nmode = 802.3ad', 'a.ini:1', /ports/);
  refused('[vlan v]\nid = 5', 'a.ini:1', /parent/);
  refused('[vlan v]\nparent = eth0', 'a.ini:1', /id/);
  refused('[vrf v]\nports = eth0', 'a.ini:1', /table/);
});

test('a network that contradicts itself', () => {
  const table: [string, string, RegExp][] = [
    ['gateway = 192.0.2.1', 'a.ini:2', /gateway.*subnet/],
    ['subnet6 = 2001:db8::/64\ngateway = 192.0.2.1', 'a.ini:3', /gateway.*subnet/],
    ['gateway6 = 2001:db8::1', 'a.ini:2', /gateway6.*subnet6/],
    ['gateway = 192.0.3.1\nsubnet = 192.0.2.0/24', 'a.ini:2', /192\.0\.3\.1.*192\.0\.2\.0\/24/],
    ['subnet6 = 2001:db8::/64\ngateway6 = 2001:db8:1::1', 'a.ini:3', /2001:db8:1::1.*2001:db8::\/64/],
  ];
  for (const [lines, where, says] of table) refused(`[network n]\n${lines}\n`, where, says);
});

const net = (name: string, lines: string): string => `[network ${name}]\n${lines.replaceAll(', ', '\n')}\n`;
const V4 = 'subnet = 192.0.2.0/24, gateway = 192.0.2';
const V6 = 'subnet6 = 2001:db8::/64, gateway6 = 2001:db8:';

test('two networks that cannot both be', () => {
  const table: [string, string, string, RegExp][] = [
    [`table = 5, ${V4}.1`, `table = 5, ${V4}.2`, 'b.ini:4', /group 5.*gateway.*a\.ini:4/],
    [`table = 993, ${V4}.1`, `table = public_993, ${V4}.2`, 'b.ini:4', /group 993.*a\.ini:4/],
    [`link = public_993, ${V4}.1`, `table = 993, ${V4}.2`, 'b.ini:4', /group 993.*a\.ini:4/],
    [`table = 5, ${V4}.1`, `table = 6, group = 5, ${V4}.2`, 'b.ini:5', /group 5.*gateway/],
    [`table = 5, ${V6}:1`, `table = 5, ${V6}:2`, 'b.ini:4', /group 5.*gateway6.*a\.ini:4/],
    ['table = 5, group = 9', 'table = 6, group = 9', 'b.ini:2', /group 9.*table 6.*5.*a\.ini:2/],
    ['table = 5, table6 = 6', 'table = 5, table6 = 7', 'b.ini:3', /group 5.*table6 7.*6.*a\.ini:3/],
    ['table = 5, uplink = eth0', 'table = 6, uplink = eth0', 'b.ini:2', /eth0.*table 6.*5.*a\.ini:2/],
    ['table = 5, uplink6 = eth0', 'table = 6, uplink6 = eth0', 'b.ini:1', /eth0.*table6 6.*5.*a\.ini:1/],
    ['table = 5, uplink = eth0', 'table = 6, uplink = eth1, uplink6 = eth0', 'b.ini:1', /eth0.*table6/],
    [
      'table = 5, uplink = e, arp-source = 192.0.2.8',
      'table = 5, uplink = e, arp-source = 192.0.2.9',
      'b.ini:4',
      /arp-source/,
    ],
    [
      `table = 5, uplink = e, ${V4}.1`,
      `table = 5, group = 6, uplink = e, ${V4}.2`,
      'b.ini:6',
      /table 5.*gateway 192\.0\.2\.2 .*192\.0\.2\.1 .*a\.ini:5/,
    ],
    [
      `table = 5, uplink = e, ${V6}:1`,
      `table = 4, table6 = 5, uplink6 = f, ${V6}:1`,
      'b.ini:6',
      /table 5.*gateway6 2001:db8::1 on f.*on e.*a\.ini:5/,
    ],
    [
      'table = 5, uplink = e, subnet = 192.0.2.0/24',
      'table = 5, uplink = f, subnet = 192.0.2.0/24',
      'b.ini:3',
      /192\.0\.2\.0\/24.*table 5.*uplink f.*e .*a\.ini:3/,
    ],
    [
      'table = 5, host-access = yes, subnet = 192.0.2.0/24',
      'table = 6, host-services = dns, subnet = 192.0.2.0/24',
      'b.ini:2',
      /192\.0\.2\.0\/24.*table 6.*5 .*a\.ini:2/,
    ],
    [
      'table = 5, host-access = yes, subnet6 = 2001:db8::/64',
      'table = 6, host-access = yes, subnet6 = 2001:db8::/64',
      'b.ini:1',
      /2001:db8::\/64.*table6 6.*5 .*a\.ini:1/,
    ],
    ['table = 5, host-access = yes', 'table = 5, host-access = no', 'b.ini:3', /group 5.*host-access/],
  ];
  for (const [a, b, where, says] of table) refused([net('one', a), net('two', b)], where, says);
});

test('two networks that can', () => {
  const table: [string, string][] = [
    [`table = 5, ${V4}.1`, `table = 5, ${V4}.1`],
    [`table = 5, ${V4}.1`, 'table = 5'],
    [`table = 5, ${V4}.1`, `table = 5, ${V6}:1`],
    [`table = 5, ${V4}.1`, `table = 5, group = 6, ${V4}.2`],
    ['table = public_993, uplink = eth0', 'table = 993, uplink = eth0'],
    ['table = 5, uplink = eth0, uplink6 = eth1', 'table = 6, uplink = eth1, uplink6 = eth0'],
    [`mode = bridged, link = 993, ${V4}.1`, `table = 993, ${V4}.2`],
    ['table = 5, uplink = eth0', 'uplink = eth0'],
    [`table = 5, uplink = e, ${V4}.1`, `table = 5, group = 6, uplink = e, ${V4}.1`],
    [`table = 5, uplink = e, ${V4}.1`, 'table = 5, uplink = f, subnet = 198.51.100.0/24'],
    [`table = main, uplink = e, ${V4}.1`, `table = main, group = 6, uplink = f, ${V4}.2`],
    // As long as the host reaches neither, two networks may have the same addresses.
    ['table = 5, subnet = 192.0.2.0/24', 'table = 6, subnet = 192.0.2.0/24, host-access = yes'],
    ['table = 5, host-access = yes', 'table = 5'],
  ];
  for (const [a, b] of table)
    assert.equal(parse(net('one', a), net('two', b)).networks.length, 2, `${a} / ${b}`);
});

test('host sections that the kernel would not make', () => {
  const bond = '[bond b]\nports = eth0 eth1\n';
  const table: [string, string, RegExp][] = [
    [`${bond}mode = 802.3ad\nprimary = eth0`, 'a.ini:4', /primary/],
    [`${bond}mode = active-backup\nprimary = eth2`, 'a.ini:4', /eth2.*eth0 eth1|eth2.*eth0, eth1/],
    ['[bond b]\nmode = 802.3ad\nports = eth0 b', 'a.ini:3', /b .*ports/],
    ['[vlan v]\nparent = v\nid = 5', 'a.ini:2', /v .*parent/],
    ['[bridge x]\nports = eth0\n[vrf v]\ntable = 5\nports = eth1 eth0', 'a.ini:5', /eth0.*a\.ini:2/],
    ['[vrf v]\ntable = main', 'a.ini:2', /254/],
    ['[vrf v]\ntable = 253', 'a.ini:2', /253/],
  ];
  for (const [text, where, says] of table) refused(text, where, says);
});

test('a routing table of a request', () => {
  assert.equal(parseTable('public_993', TABLES), 993);
  assert.equal(parseTable('100', TABLES), 100);
  assert.equal(parseTable('main', TABLES), 254);
  for (const text of ['0', '255', 'local', 'unspec', '', 'nowhere', '-1', '1 2', '$(x)', '2147483648']) {
    assert.throws(
      () => parseTable(text, TABLES, '--link'),
      (error: unknown) => error instanceof VmnetError && error.exit === 'request' && error.where === '--link',
      text,
    );
  }
});

test('the shipped file is the defaults, and its samples are good', () => {
  const text = readFileSync(SHIPPED, 'utf8');
  assert.deepEqual(parse(text), parse());
  const samples = parse(text.replace(/^;/gm, ''));
  assert.deepEqual(
    { ...samples.settings, logFile: undefined },
    { ...parse().settings, logFile: undefined },
    'samples of settings show the defaults',
  );
  for (const kind of ['networks', 'bonds', 'vlans', 'bridges', 'vrfs'] as const)
    assert.ok(samples[kind].length > 0, kind);
});

test('the shipped file names every key', () => {
  const text = readFileSync(SHIPPED, 'utf8');
  const network =
    'mode link table table6 uplink uplink6 group subnet gateway subnet6 gateway6 arp-source host-access probe';
  const others =
    'tap-mac route-protocol rule-preference guard log-file ports xmit-hash-policy mtu parent id addresses dns services';
  const policy =
    'filter allowed-addresses link-local isolated firewall whitelist host-services filter-unknown-family mac-prefix hairpin flood learning';
  for (const key of `${network} ${policy} ${others}`.split(' '))
    assert.match(text, new RegExp(`^;${key} = `, 'm'));
});
