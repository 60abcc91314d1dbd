// Who is the router of a NIC's network, and what that keeps from the NIC.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { frameFilter } from '../../lib/core/desired/frame-filter.ts';
import { resolveNic } from '../../lib/core/desired/resolve.ts';
import type { Policy } from '../../lib/core/model/policy.ts';
import type { NicRequest } from '../../lib/core/model/request.ts';
import { facts, MAC, PUBLIC, refuses, request, surroundings } from '../support/resolving.ts';

const LAN = '[network lan]\nmode = bridged\nlink = br0\n';

const bridged = (more: Partial<NicRequest> = {}, ips: readonly string[] = []): NicRequest =>
  request({ mode: 'bridged', link: 'br0', mac: MAC, ...more }, ips);
const routed = (more: Partial<NicRequest> = {}): NicRequest =>
  request({ link: 'public_993', mac: MAC, ...more }, ['192.0.2.5']);
const policyIn = (ini: string, asked: NicRequest): Policy => resolveNic(asked, surroundings(ini)).policy;

test('a routed NIC may not be allowed the address of its router', () => {
  for (const word of [
    '192.0.2.1',
    '192.0.2.0/24',
    '2001:db8:993::1',
    '2001:db8:993::/64',
    'fe80::76:6dff:fe6e:6574',
  ]) {
    const asked = routed({ tags: [`vmnet:network:*:allow:${word}`] });
    refuses(/public/, () => policyIn(PUBLIC, asked));
  }
  const asked = routed({ tags: ['vmnet:network:*:allow:192.0.2.8/29', 'vmnet:network:*:allow:fe80::1'] });
  assert.equal(policyIn(PUBLIC, asked).allowed.length, 2);
});

describe('the router of a bridged NIC', () => {
  const FOUR = 'subnet = 192.0.2.0/24\ngateway = 192.0.2.1\n';
  const SIX = 'subnet6 = 2001:db8:993::/60\ngateway6 = 2001:db8:993::1\n';
  const given = (more: Partial<NicRequest> = {}, ips: readonly string[] = []) =>
    bridged({ ...more, network: facts }, ips);
  const allow = (prefix: string) => ({ tags: [`vmnet:network:*:allow:${prefix}`] });
  const told: readonly (readonly [string, string, typeof given])[] = [
    ['of the section', `${LAN}${FOUR}${SIX}`, bridged],
    ['of the cluster', '', given],
    ['of the cluster, over the section', `${LAN}${FOUR}${SIX}`.replaceAll('::1', '::99'), given],
  ];
  for (const [whose, ini, asked] of told) {
    test(`${whose}: may not be claimed`, () => {
      for (const address of ['192.0.2.1', '2001:db8:993::1']) {
        refuses(new RegExp(`${address} `), () => policyIn(ini, asked({}, [address])));
        refuses(new RegExp(`${address}`), () => policyIn(ini, asked(allow(address))));
      }
      for (const prefix of ['192.0.2.0/24', '2001:db8:993::/64'])
        refuses(new RegExp(`${prefix}`), () => policyIn(ini, asked(allow(prefix))));
      assert.equal(policyIn(ini, asked(allow('192.0.2.8/29'))).allowed.length, 1);
      policyIn(ini, asked({}, ['192.0.2.2', '2001:db8:993::2']));
    });

    test(`${whose}: is kept from a NIC that may have any address`, () => {
      const { settings } = surroundings('').config;
      const open =
        ini === '' ? `${LAN}filter-unknown-family = allow\n` : `${ini}filter-unknown-family = allow\n`;
      const { mac: _, ...nobody } = asked();
      const nic = resolveNic(nobody, surroundings(open));
      const drops = frameFilter(nic, settings).rules.map(({ text }) => text);
      for (const match of ['ip saddr 192.0.2.1', 'arp saddr ip 192.0.2.1', 'ip6 saddr 2001:db8:993::1'])
        assert.ok(drops.includes(`${match} counter drop`), match);
    });
  }

  test('may be the guest itself, where its addresses are not asked about', () => {
    for (const filter of ['mac', 'none']) {
      const ini = `${LAN}${FOUR}${SIX}filter = ${filter}\n`;
      policyIn(ini, bridged(allow('2001:db8:993::/64'), ['192.0.2.1']));
    }
  });
});
