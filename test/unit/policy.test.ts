import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { policyWarnings } from '../../lib/core/desired/policy.ts';
import { resolveNic } from '../../lib/core/desired/resolve.ts';
import type { Surroundings } from '../../lib/core/desired/resolve-network.ts';
import { VmnetError } from '../../lib/core/errors.ts';
import { parsePrefix } from '../../lib/core/model/address.ts';
import type { Policy } from '../../lib/core/model/policy.ts';
import type { NicRequest } from '../../lib/core/model/request.ts';
import { parseMacPrefix } from '../../lib/core/source/policy-words.ts';
import { EUI64, MAC, PUBLIC, request, surroundings } from '../support/resolving.ts';

const LAN = '[network lan]\nmode = bridged\nlink = br0\n';

const bridged = (more: Partial<NicRequest> = {}, ips: readonly string[] = []): NicRequest =>
  request({ mode: 'bridged', link: 'br0', mac: MAC, ...more }, ips);
const routed = (more: Partial<NicRequest> = {}): NicRequest =>
  request({ link: 'public_993', mac: MAC, ...more }, ['192.0.2.5']);

/** With firewall profiles of these names. */
function around(ini: string, names: readonly string[] = ['protected', 'limited']): Surroundings {
  const { config, ...rest } = surroundings(ini);
  const profiles = names.map(name => ({ name, path: `/etc/vmnet/firewall.d/${name}.nft`, rules: [] }));
  return { ...rest, config: { ...config, settings: { ...config.settings, profiles } } };
}

const policyIn = (ini: string, asked: NicRequest): Policy => resolveNic(asked, around(ini)).policy;

const DEFAULTS: Policy = {
  filter: 'full',
  unknownFamily: 'drop',
  linkLocal: 'eui64',
  allowed: [],
  isolated: false,
  hairpin: false,
  flood: true,
  learning: true,
  whitelist: [],
  hostServices: [],
};

function refuses(run: () => unknown, exit: string, says: RegExp): void {
  assert.throws(run, (error: unknown) => {
    assert.ok(error instanceof VmnetError, String(error));
    assert.equal(error.exit, exit);
    assert.match(`${error.where} ${error.message}`, says);
    assert.ok(error.hint);
    return true;
  });
}

describe('the policy of a NIC', () => {
  test('without a word about it', () => {
    assert.deepEqual(policyIn('', bridged()), DEFAULTS);
    assert.deepEqual(policyIn(LAN, bridged()), DEFAULTS);
    assert.deepEqual(policyIn(PUBLIC, routed()), DEFAULTS);
  });

  const rows: readonly (readonly [string, Partial<Policy>])[] = [
    ['filter = mac', { filter: 'mac' }],
    ['filter = none', { filter: 'none' }],
    ['learning = no', { learning: false }],
    ['filter-unknown-family = allow', { unknownFamily: 'allow' }],
    ['link-local = any', { linkLocal: 'any' }],
    ['isolated = yes\nhairpin = yes\nflood = no', { isolated: true, hairpin: true, flood: false }],
    ['firewall = limited', { firewall: 'limited' }],
    ['mac-prefix = aa:00:00', { macPrefix: parseMacPrefix('aa:00:00', 'test') }],
    ['host-services = ntp', { hostServices: [{ protocol: 'udp', port: 123 }] }],
    [
      'allowed-addresses = 2001:db8::/64 192.0.2.100',
      { allowed: ['192.0.2.100/32', '2001:db8::/64'].map(text => parsePrefix(text, 'test')) },
    ],
    [
      'allowed-addresses = 192.0.2.5 192.0.2.0/24 2001:db8::/64 2001:db8::/32',
      { allowed: ['192.0.2.0/24', '2001:db8::/32'].map(text => parsePrefix(text, 'test')) },
    ],
    [
      'whitelist = 2001:db8::5 203.0.113.0/24',
      { whitelist: ['203.0.113.0/24', '2001:db8::5/128'].map(text => parsePrefix(text, 'test')) },
    ],
  ];
  for (const [lines, expected] of rows) {
    test(lines.replaceAll('\n', ', '), () => {
      const policy = policyIn(`${LAN}${lines}\n`, bridged());
      assert.deepEqual(policy, { ...DEFAULTS, ...expected });
    });
  }

  test('tags go over the section, and allowed addresses add up', () => {
    const tags = ['filter:none', 'limited', 'allow:192.0.2.7', 'allow:2001:db8::/64', 'link-local:any'];
    const ini = `${LAN}filter = mac\nfirewall = protected\nallowed-addresses = 192.0.2.9 192.0.2.7\nisolated = yes\n`;
    const asked = bridged({ tags: tags.map(word => `vmnet:network:*:${word}`) });
    assert.deepEqual(policyIn(ini, asked), {
      ...DEFAULTS,
      filter: 'none',
      linkLocal: 'any',
      firewall: 'limited',
      isolated: true,
      allowed: ['192.0.2.7/32', '192.0.2.9/32', '2001:db8::/64'].map(text => parsePrefix(text, 'test')),
    });
  });

  test('a firewall profile that is not there', () => {
    refuses(() => policyIn(`${LAN}firewall = limitde\n`, bridged()), 'config', /vmnet\.ini:1.*limitde/);
    const asked = bridged({ tags: ['vmnet:network:*:whitelist'] });
    refuses(() => policyIn(LAN, asked), 'config', /tap0.*whitelist/);
  });
});

describe('a private network among others on one bridge', () => {
  const tagged = (more: Partial<NicRequest>, macPrefix?: string) => {
    const prefix = macPrefix === undefined ? {} : { macPrefix: parseMacPrefix(macPrefix, 'test') };
    return bridged({ ...more, network: { tags: ['nfdhcpd', 'private-filtered'], ...prefix } });
  };
  const own = { mac: 'aa:00:00:00:00:00', mask: 'ff:ff:f0:00:00:00' };

  test('by the section, by the prefix of the network in the cluster, by the MAC', () => {
    assert.deepEqual(policyIn('', tagged({})).macPrefix, own);
    assert.deepEqual(policyIn('', tagged({}, 'aa:00:00')).macPrefix, { ...own, mask: 'ff:ff:ff:00:00:00' });
    assert.deepEqual(policyIn(`${LAN}mac-prefix = aa:00:00:35\n`, tagged({}, 'aa:00:00')).macPrefix, {
      mac: 'aa:00:00:35:00:00',
      mask: 'ff:ff:ff:ff:00:00',
    });
  });

  test('none for other tags, for tags of the instance, and for routed NICs', () => {
    assert.equal(
      policyIn('', bridged({ network: { macPrefix: own as Policy['macPrefix'] & {} } })).macPrefix,
      undefined,
    );
    assert.equal(policyIn('', bridged({ tags: ['private-filtered'] })).macPrefix, undefined);
    assert.equal(policyIn(PUBLIC, routed({ network: { tags: ['private-filtered'] } })).macPrefix, undefined);
  });

  test('a MAC of another one, and none at all', () => {
    refuses(() => policyIn('', tagged({}, 'aa:00:10')), 'request', /aa:00:00:35:6d:05.*aa:00:10/);
    refuses(() => policyIn(`${LAN}mac-prefix = aa:00:10\n`, bridged()), 'request', /aa:00:10/);
    const { mac: _, ...nobody } = tagged({});
    refuses(() => policyIn('', nobody), 'request', /private-filtered/);
  });
});

describe('a bridged NIC', () => {
  test('has the addresses that are known, and the name of its network', () => {
    const six = `${LAN}subnet6 = 2001:db8:993::/64\n`;
    const table: [string, NicRequest, readonly string[], string | undefined][] = [
      ['', bridged(), [], undefined],
      [LAN, bridged({}, ['192.0.2.5']), ['192.0.2.5'], 'lan'],
      [six, bridged({}, ['192.0.2.5']), ['192.0.2.5', EUI64], 'lan'],
      [six, bridged({}, ['2001:db8:993::5']), ['2001:db8:993::5'], 'lan'],
      [six.replace('/64', '/80'), bridged(), [], 'lan'],
      [
        '',
        bridged({ network: { name: 'net1', subnet6: parsePrefix('2001:db8:993::/64', 'test') } }),
        [EUI64],
        'net1',
      ],
    ];
    for (const [ini, asked, addresses, network] of table) {
      const nic = resolveNic(asked, around(ini));
      assert.ok(nic.mode === 'bridged');
      assert.deepEqual(
        nic.addresses.map(one => one.text),
        addresses,
      );
      assert.equal(nic.network, network);
      assert.equal('network' in nic, network !== undefined);
    }
  });

  test('that can send nothing is told of', () => {
    const table: [string, NicRequest, RegExp | undefined][] = [
      ['', bridged(), /tap0.*filter-unknown-family/],
      [LAN, bridged(), /tap0.*filter-unknown-family/],
      ['', bridged({}, ['192.0.2.5', '2001:db8::5']), undefined],
      [`${LAN}filter-unknown-family = allow\n`, bridged(), undefined],
      [`${LAN}filter = mac\n`, bridged(), undefined],
      [`${LAN}allowed-addresses = 192.0.2.0/24 2001:db8::/64\n`, bridged(), undefined],
      [PUBLIC, routed(), undefined],
    ];
    for (const [ini, asked, says] of table) {
      const text = policyWarnings(resolveNic(asked, around(ini))).join(' ');
      if (says === undefined) assert.equal(text, '');
      else assert.match(text, says);
    }
  });
});

test('a section for the other mode', () => {
  refuses(
    () => policyIn(LAN, request({ network: { name: 'lan' } }, ['192.0.2.5'])),
    'request',
    /vmnet\.ini:1.*lan/,
  );
  const lan = LAN.replace('bridged', 'routed');
  refuses(() => policyIn(lan, bridged({ network: { name: 'lan' } })), 'request', /vmnet\.ini:1.*lan/);
  // By its link it is another network that happens to have the same name.
  assert.equal(policyIn(`${lan}isolated = yes\n`, bridged()).isolated, false);
});
