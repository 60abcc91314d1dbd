import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { VmnetError } from '../../lib/core/errors.ts';
import type { Config } from '../../lib/core/model/config.ts';
import { parseConfig, parseTable } from '../../lib/core/source/config.ts';
import { parseRtTables } from '../../lib/core/source/rt-tables.ts';

const TABLES = parseRtTables(['993 public_993\n994 other\n']);
const SHIPPED = join(import.meta.dirname, '../../etc/vmnet.ini');

function parse(...texts: readonly string[]): Config {
  return parseConfig(
    texts.map((text, index) => ({ path: `${'ab'[index]}.ini`, text })),
    TABLES,
  );
}

/** Refused as configuration, at the place, naming what `says` asks for in the message or the hint. */
function refused(texts: string | readonly string[], where: string, says: RegExp): void {
  const all = typeof texts === 'string' ? [texts] : texts;
  assert.throws(
    () => parse(...all),
    (error: unknown) => {
      assert.ok(error instanceof VmnetError, String(error));
      assert.equal(error.exit, 'config', error.message);
      assert.equal(error.where, where, `${all}: ${error.message}`);
      assert.match(`${error.message} ${error.hint}`, says);
      return true;
    },
    all.join('\n---\n').slice(0, 300),
  );
}

test('no file, no section, an empty section: the defaults', () => {
  const empty = {
    settings: { tapMac: '02:76:6d:6e:65:74', routeProtocol: 118, rulePreference: 900, guard: 'subnet' },
    networks: [],
    bonds: [],
    vlans: [],
    bridges: [],
    vrfs: [],
  };
  for (const texts of [[], [''], ['# words\n; words\n\n'], ['[vmnet]\n'], ['\ufeff[vmnet]\r\n']]) {
    assert.deepEqual(parse(...texts), empty);
  }
});

test('everything, over two files', () => {
  const config = parse(
    `; the first file
[vmnet]
tap-mac = 02:00:00:00:00:01
route-protocol = 4
rule-preference = 1000
guard = strict
log-file = /var/log/vm net.log

[network public]
mode = routed
link = public_993
table = public_993
table6 = 1993
uplink = bond0.993
uplink6 = bond0.6
group = 5
subnet = 192.0.2.0/24
gateway = 192.0.2.1
subnet6 = 2001:DB8:993:0::/64
gateway6 = 2001:db8:993::1
arp-source = 192.0.2.254
host-access = yes
`,
    `[network inside]
[bond bond0]
mode = active-backup
ports = eth0 eth1
primary = eth1
xmit-hash-policy = layer3+4
mtu = 9000
[vlan bond0.993]
parent = bond0
id = 993
[bridge vlan992]
ports = bond0.992
addresses = 10.9.2.2/24 2001:DB8::2/64
gateway = 10.9.2.1
gateway6 = fe80::1
[vrf mgmt]
table = 1001
ports = eth2
dns = 10.0.0.53 2001:db8::53
services = sshd chrony getty@tty1.service
`,
  );
  assert.deepEqual(config, {
    settings: {
      tapMac: '02:00:00:00:00:01',
      routeProtocol: 4,
      rulePreference: 1000,
      guard: 'strict',
      logFile: '/var/log/vm net.log',
    },
    networks: [
      {
        name: 'public',
        where: 'a.ini:9',
        mode: 'routed',
        link: 'public_993',
        table: 'public_993',
        table6: '1993',
        uplink: 'bond0.993',
        uplink6: 'bond0.6',
        group: 5,
        subnet: { family: 4, address: '192.0.2.0', length: 24, text: '192.0.2.0/24' },
        gateway: { family: 4, text: '192.0.2.1' },
        subnet6: { family: 6, address: '2001:db8:993::', length: 64, text: '2001:db8:993::/64' },
        gateway6: { family: 6, text: '2001:db8:993::1' },
        arpSource: { family: 4, text: '192.0.2.254' },
        hostAccess: true,
      },
      { name: 'inside', where: 'b.ini:1', hostAccess: false },
    ],
    bonds: [
      {
        name: 'bond0',
        where: 'b.ini:2',
        mode: 'active-backup',
        ports: ['eth0', 'eth1'],
        primary: 'eth1',
        xmitHashPolicy: 'layer3+4',
        mtu: 9000,
        addresses: [],
      },
    ],
    vlans: [{ name: 'bond0.993', where: 'b.ini:8', parent: 'bond0', id: 993, addresses: [] }],
    bridges: [
      {
        name: 'vlan992',
        where: 'b.ini:11',
        ports: ['bond0.992'],
        addresses: ['10.9.2.2/24', '2001:db8::2/64'],
        gateway: { family: 4, text: '10.9.2.1' },
        gateway6: { family: 6, text: 'fe80::1' },
      },
    ],
    vrfs: [
      {
        name: 'mgmt',
        where: 'b.ini:16',
        table: 1001,
        ports: ['eth2'],
        dns: [
          { family: 4, text: '10.0.0.53' },
          { family: 6, text: '2001:db8::53' },
        ],
        services: ['sshd', 'chrony', 'getty@tty1.service'],
        addresses: [],
      },
    ],
  });
});

test('how a file may be written', () => {
  const table: [string, string | undefined][] = [
    ['link = net', 'net'],
    ['link=net', 'net'],
    ['  link  =\tnet  ', 'net'],
    ['link = net ; words', 'net'],
    ['link = net # words; more = words', 'net'],
    ['link = "net"', 'net'],
    ["link = 'net' ; words", 'net'],
    ['; link = net', undefined],
    ['  # link = net', undefined],
    ['link = true', 'true'],
    ['link = null', 'null'],
    ['link = "false"', 'false'],
    ['link = 993', '993'],
    ["link = '993'", '993'],
    ["link = '1e3'", '1e3'],
    ['link = 007', '007'],
    ['link = undefined', 'undefined'],
    ['link = __proto__', '__proto__'],
  ];
  for (const [line, expected] of table) {
    for (const end of ['\n', '\r\n', '\r']) {
      assert.equal(parse(['[network a]', line, ''].join(end)).networks[0]?.link, expected, line);
    }
  }
});

test('names of sections', () => {
  for (const name of [
    'public',
    'bond0.993',
    'a.b.c',
    '__proto__',
    'constructor',
    '1',
    'net:1',
    'a'.repeat(64),
  ]) {
    const config = parse(`[network ${name}]\nlink = one\n[network other]\nlink = two\n`);
    assert.deepEqual(
      config.networks.map(network => [network.name, network.link]),
      [
        [name, 'one'],
        ['other', 'two'],
      ],
    );
  }
  assert.equal(parse('  [ network \t public ]  ; words\nlink = one').networks[0]?.name, 'public');
});

test('sections that are not there, are there twice, or have no good name', () => {
  const table: [string | readonly string[], string, RegExp][] = [
    ['\n[netwrok public]', 'a.ini:2', /netwrok.*did you mean network/],
    ['[vlna bond0.993]', 'a.ini:1', /did you mean vlan/],
    ['[settings]', 'a.ini:1', /vmnet.*network.*bond.*vlan.*bridge.*vrf/],
    ['[]', 'a.ini:1', /valid here/],
    ['[__proto__]\nx = 1', 'a.ini:1', /__proto__/],
    ['[constructor x]', 'a.ini:1', /constructor/],
    ['[network]', 'a.ini:1', /NAME/],
    ['[vmnet public]', 'a.ini:1', /public/],
    ['[network a b]', 'a.ini:1', /a b/],
    ['[network a;b]', 'a.ini:1', /a;b/],
    ['[network -a]', 'a.ini:1', /-a/],
    [`[network ${'a'.repeat(65)}]`, 'a.ini:1', /aaa/],
    ['[bond too-long-for-a-link]', 'a.ini:1', /too-long/],
    ['[vlan bond0/1]', 'a.ini:1', /bond0\/1/],
    ['[network a', 'a.ini:1', /\[network a/],
    ['[network a] b', 'a.ini:1', /\[network a/],
    ['[network a]\n[network b]\n\n[network a]', 'a.ini:4', /a\.ini:1/],
    [['[network a]', '\n[network  a]'], 'b.ini:2', /a\.ini:1/],
    [['[vmnet]', '[vmnet]'], 'b.ini:1', /a\.ini:1/],
    ['[bridge x]\n[vrf x]\ntable = 5', 'a.ini:2', /x .*a\.ini:1/],
  ];
  for (const [texts, where, says] of table) refused(texts, where, says);
});

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
    ['[network n]', 'mode', ['ruoted', 'openvswitch', 'ROUTED']],
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
    'mode link table table6 uplink uplink6 group subnet gateway subnet6 gateway6 arp-source host-access';
  const others =
    'tap-mac route-protocol rule-preference guard log-file ports xmit-hash-policy mtu parent id addresses dns services';
  for (const key of `${network} ${others}`.split(' ')) assert.match(text, new RegExp(`^;${key} = `, 'm'));
});
