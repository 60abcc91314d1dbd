import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NO_SECTIONS } from '../../lib/core/model/host-links.ts';
import { parse } from '../support/parse-config.ts';

test('no file, no section, an empty section: the defaults', () => {
  const empty = {
    settings: {
      tapMac: '02:76:6d:6e:65:74',
      routeProtocol: 118,
      rulePreference: 900,
      guard: 'subnet',
      profiles: [],
    },
    networks: [],
    ...NO_SECTIONS,
  };
  for (const texts of [[], [''], ['# words\n; words\n\n'], ['[vmnet]\n'], ['\ufeff[vmnet]\r\n']])
    assert.deepEqual(parse(...texts), empty);
});

test('everything, over two files', () => {
  const config = parse(
    `; the first file
[vmnet]
tap-mac = 02:00:00:00:00:01
route-protocol = 4
rule-preference = 2000
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
      rulePreference: 2000,
      guard: 'strict',
      logFile: '/var/log/vm net.log',
      profiles: [],
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
        miimon: 100,
        addresses: [],
        routes: [],
        places: {
          mode: 'b.ini:3',
          ports: 'b.ini:4',
          primary: 'b.ini:5',
          'xmit-hash-policy': 'b.ini:6',
          mtu: 'b.ini:7',
        },
      },
    ],
    vlans: [
      {
        name: 'bond0.993',
        where: 'b.ini:8',
        parent: 'bond0',
        id: 993,
        addresses: [],
        routes: [],
        places: { parent: 'b.ini:9', id: 'b.ini:10' },
      },
    ],
    bridges: [
      {
        name: 'vlan992',
        where: 'b.ini:11',
        ports: ['bond0.992'],
        stp: false,
        forwardDelay: 0,
        multicastSnooping: false,
        defaultPvid: 0,
        routes: [],
        places: {
          ports: 'b.ini:12',
          addresses: 'b.ini:13',
          gateway: 'b.ini:14',
          gateway6: 'b.ini:15',
        },
        addresses: [
          { address: { family: 4, text: '10.9.2.2' }, length: 24 },
          { address: { family: 6, text: '2001:db8::2' }, length: 64 },
        ],
        gateway: { family: 4, text: '10.9.2.1' },
        gateway6: { family: 6, text: 'fe80::1' },
      },
    ],
    vrfs: [
      {
        name: 'mgmt',
        where: 'b.ini:16',
        table: 1001,
        unreachable: true,
        ports: ['eth2'],
        dns: [
          { family: 4, text: '10.0.0.53' },
          { family: 6, text: '2001:db8::53' },
        ],
        services: ['sshd', 'chrony', 'getty@tty1.service'],
        scope: 'full',
        leak: [],
        addresses: [],
        routes: [],
        places: { table: 'b.ini:17', ports: 'b.ini:18', dns: 'b.ini:19', services: 'b.ini:20' },
      },
    ],
    switches: [],
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
