// The files that put services into a VRF, for systemd old and new and for OpenRC; other people's files stay.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { parseIfname } from '../../lib/core/model/ifname.ts';
import { fileSteps, type InitFacts, markOf, servicesPlan } from '../../lib/core/vrf/services.ts';
import { listenLines, sshdFacts } from '../../lib/core/vrf/sshd.ts';
import { escapeUnit } from '../../lib/core/vrf/unit-name.ts';
import { applyFileSteps, readInitFacts, readPresent } from '../../lib/host/vrf-services.ts';

const mgmt = parseIfname('mgmt', 'test');
const SSHD = sshdFacts('Include /etc/ssh/sshd_config.d/*.conf\n', []);
const OLD: InitFacts = {
  init: 'systemd',
  version: 252,
  vmnet: '/usr/sbin/vmnet',
  sockets: new Map(),
  sshd: SSHD,
};
const NEW: InitFacts = { ...OLD, version: 260 };
const SOCKETS: InitFacts = {
  ...NEW,
  sockets: new Map([
    ['ssh', 'ssh.socket'],
    ['cockpit', 'cockpit.socket'],
  ]),
};
const OPENRC: InitFacts = { ...OLD, init: 'openrc', version: 0 };
const root = mkdtempSync(join(tmpdir(), 'vrf-services-'));
after(() => rmSync(root, { recursive: true }));

test('what each service needs', () => {
  const units = '/etc/systemd/system';
  const table: [string, InitFacts, string, readonly [string, RegExp][]][] = [
    [
      'systemd 260',
      NEW,
      'chrony',
      [[`${units}/chrony.service.d/50-vmnet-vrf.conf`, /^\[Service\]\nBindNetworkInterface=mgmt$/m]],
    ],
    [
      'older',
      OLD,
      'chrony',
      [
        [
          `${units}/chrony.service.d/50-vmnet-vrf.conf`,
          /^ExecStartPre=\+\/usr\/sbin\/vmnet vrf enter mgmt --unit$/m,
        ],
      ],
    ],
    [
      'with its ending, and an instance',
      NEW,
      'foo@bar.service',
      [[`${units}/foo@bar.service.d/50-vmnet-vrf.conf`, /Bind/]],
    ],
    [
      'a socket',
      OLD,
      'foo.socket',
      [
        [
          `${units}/foo.socket.d/50-vmnet-vrf.conf`,
          /^DefaultDependencies=no$[\s\S]*^\[Socket\]\nBindToDevice=mgmt$/m,
        ],
      ],
    ],
    [
      'a service that a socket starts',
      SOCKETS,
      'cockpit',
      [
        [`${units}/cockpit.socket.d/50-vmnet-vrf.conf`, /^BindToDevice=mgmt$/m],
        [`${units}/cockpit.service.d/50-vmnet-vrf.conf`, /^BindNetworkInterface=mgmt$/m],
      ],
    ],
    [
      'sshd',
      OLD,
      'sshd',
      [
        [
          '/etc/ssh/sshd_config.d/50-vmnet-vrf-mgmt.conf',
          /^ListenAddress 0\.0\.0\.0:22 rdomain mgmt\nListenAddress \[::\]:22 rdomain mgmt$/m,
        ],
        [`${units}/sshd.service.d/50-vmnet-vrf.conf`, /^After=sys-subsystem-net-devices-mgmt\.device$/m],
      ],
    ],
    [
      'ssh by a socket',
      SOCKETS,
      'ssh',
      [
        [
          `${units}/vmnet-ssh-mgmt.socket`,
          /^DefaultDependencies=no$[\s\S]*ListenStream=22\nBindToDevice=mgmt\nService=ssh\.service/m,
        ],
      ],
    ],
    [
      'the same by its other name',
      SOCKETS,
      'sshd',
      [[`${units}/vmnet-ssh-mgmt.socket`, /Service=ssh\.service/]],
    ],
    ['OpenRC', OPENRC, 'chronyd', [['/etc/conf.d/chronyd', /^vrf="mgmt"$/m]]],
    ['sshd with OpenRC', OPENRC, 'sshd', [['/etc/ssh/sshd_config.d/50-vmnet-vrf-mgmt.conf', /rdomain mgmt/]]],
  ];
  for (const [what, facts, service, expected] of table) {
    const { files } = servicesPlan(mgmt, [service], facts);
    assert.deepEqual(
      files.map(({ path }) => path),
      expected.map(([path]) => path),
      what,
    );
    files.forEach(({ text }, i) => {
      assert.match(text, expected[i]?.[1] ?? /^$/, what);
      assert.equal(text.split('\n')[0], markOf(mgmt), what);
    });
  }
  const { files, notes } = servicesPlan(mgmt, ['sshd'], { ...OLD, sshd: sshdFacts('', []) });
  assert.deepEqual([files.length, notes.length], [0, 1]);
});

test('sshd keeps the sockets that it had', () => {
  const both = ['0.0.0.0:22', '[::]:22'];
  const table: [string, readonly string[], readonly string[]][] = [
    ['', [], [...both, ...both.map(one => `${one} rdomain mgmt`)]],
    ['ListenAddress 192.0.2.1\n', [], both.map(one => `${one} rdomain mgmt`)],
    ['', ['listenaddress = 192.0.2.1\n'], both.map(one => `${one} rdomain mgmt`)],
    ['#Port 23\nPort 2222\nAddressFamily inet\n', [], ['0.0.0.0:2222', '0.0.0.0:2222 rdomain mgmt']],
    [
      'AddressFamily inet6\n',
      ['port 22\nport 2222'],
      ['[::]:22', '[::]:2222', '[::]:22 rdomain mgmt', '[::]:2222 rdomain mgmt'],
    ],
  ];
  for (const [main, others, lines] of table) {
    assert.deepEqual(
      listenLines(mgmt, sshdFacts(main, others)),
      lines.map(line => `ListenAddress ${line}`),
      main,
    );
  }
  assert.equal(sshdFacts('#Include /etc/ssh/sshd_config.d/*.conf\n', []).includes, false);
});

test('names of units, as systemd-escape prints them', () => {
  const table = [
    ['mgmt', 'mgmt'],
    ['vrf-a', 'vrf\\x2da'],
    ['.x', '\\x2ex'],
    ['a.b_c', 'a.b_c'],
    ['a@b+', 'a\\x40b\\x2b'],
  ];
  for (const [text = '', escaped] of table) assert.equal(escapeUnit(text), escaped);
});

test('files are written once, kept, mended and removed; others are not touched', async () => {
  const put = (path: string, text: string) => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  put('sbin/openrc-run', '');
  put('etc/ssh/sshd_config', 'Include /etc/ssh/sshd_config.d/*.conf\n');
  put('etc/conf.d/ntpd', 'NTPD_OPTS=""\n');
  put('etc/conf.d/old', `${markOf(mgmt)}\nvrf="mgmt"\n`);
  put('etc/conf.d/other', `${markOf(parseIfname('other', 'test'))}\nvrf="other"\n`);
  const facts = await readInitFacts(root);
  assert.equal(facts.init, 'openrc');
  const { files } = servicesPlan(mgmt, ['sshd', 'ntpd', 'other', 'chronyd'], facts);
  const steps = () => fileSteps(mgmt, files, readPresent(root, files));
  const actions = () => steps().map(({ action, path }) => `${action} ${path}`);
  const sshd = '/etc/ssh/sshd_config.d/50-vmnet-vrf-mgmt.conf';
  const foreign = ['foreign /etc/conf.d/ntpd', 'foreign /etc/conf.d/other'];
  assert.deepEqual(actions(), [
    `write ${sshd}`,
    ...foreign,
    'write /etc/conf.d/chronyd',
    'remove /etc/conf.d/old',
  ]);
  applyFileSteps(root, steps());
  assert.deepEqual(actions(), [`keep ${sshd}`, ...foreign, 'keep /etc/conf.d/chronyd']);
  // What is ours does not count as somebody's ListenAddress.
  assert.deepEqual((await readInitFacts(root)).sshd, facts.sshd);
  put('etc/conf.d/chronyd', `${markOf(mgmt)}\nvrf="x"\n`);
  assert.ok(actions().includes('write /etc/conf.d/chronyd'));
  applyFileSteps(root, fileSteps(mgmt, [], readPresent(root, [])));
  assert.deepEqual(readdirSync(join(root, 'etc/conf.d')).sort(), ['ntpd', 'other']);
  assert.deepEqual(readdirSync(join(root, 'etc/ssh/sshd_config.d')), []);
});
