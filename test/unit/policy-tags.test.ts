import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VmnetError } from '../../lib/core/errors.ts';
import { parsePrefix } from '../../lib/core/model/address.ts';
import type { PolicyKeys } from '../../lib/core/model/config.ts';
import type { NicRequest } from '../../lib/core/model/request.ts';
import { policyOfTags } from '../../lib/core/source/policy-tags.ts';
import { request } from '../support/resolving.ts';

const UUID = '8252fabd-1021-411c-b8f7-ed79ed509bb8';
const PROFILES = ['protected', 'limited', 'unprotected', 'own-2'];

const of = (tags: readonly string[], more: Partial<NicRequest> = {}): PolicyKeys =>
  policyOfTags(request({ nic: { index: 1, name: 'eth1', uuid: UUID }, tags, ...more }), PROFILES);

const prefixes = (...texts: readonly string[]) => texts.map(text => parsePrefix(text, 'test'));

function refused(tags: readonly string[], says: RegExp): void {
  assert.throws(
    () => of(tags),
    (error: unknown) => {
      assert.ok(error instanceof VmnetError, String(error));
      assert.equal(error.exit, 'request');
      assert.match(`${error.where}: ${error.message}; ${error.hint}`, says);
      return true;
    },
    tags.join(' '),
  );
}

test('words', () => {
  const table: [string, PolicyKeys][] = [
    ['synnefo:network:1:protected', { firewall: 'protected' }],
    ['synnefo:network:1:limited', { firewall: 'limited' }],
    ['synnefo:network:1:own-2', { firewall: 'own-2' }],
    ['synnefo:network:1:whitelist', { firewall: 'whitelist' }],
    ['synnefo:network:1:isolate', { isolated: true }],
    ['vmnet:network:1:unprotected', { firewall: 'unprotected' }],
    ['vmnet:network:1:whitelist', { firewall: 'whitelist' }],
    ['vmnet:network:1:isolate', { isolated: true }],
    ['vmnet:network:1:filter:full', { filter: 'full' }],
    ['vmnet:network:1:filter:mac', { filter: 'mac' }],
    ['vmnet:network:1:filter:none', { filter: 'none' }],
    ['vmnet:network:1:link-local:eui64', { linkLocal: 'eui64' }],
    ['vmnet:network:1:link-local:any', { linkLocal: 'any' }],
    ['vmnet:network:1:unknown-family:drop', { filterUnknownFamily: 'drop' }],
    ['vmnet:network:1:unknown-family:allow', { filterUnknownFamily: 'allow' }],
    ['vmnet:network:1:allow:192.0.2.7', { allowedAddresses: prefixes('192.0.2.7/32') }],
    ['vmnet:network:1:allow:192.0.2.0/28', { allowedAddresses: prefixes('192.0.2.0/28') }],
    ['vmnet:network:1:allow:2001:DB8::7', { allowedAddresses: prefixes('2001:db8::7/128') }],
    ['vmnet:network:1:allow:2001:db8::/64', { allowedAddresses: prefixes('2001:db8::/64') }],
  ];
  for (const [tag, expected] of table) {
    assert.deepEqual(of([tag]), expected, tag);
    assert.deepEqual(of([], { network: { tags: [tag] } }), expected, tag);
  }
});

test('which NIC a tag is meant for', () => {
  const table: [string, NicRequest['nic'], boolean][] = [
    ['1', { index: 1 }, true],
    ['1', { index: 0 }, false],
    ['1', { index: 11 }, false],
    ['01', { index: 1 }, false],
    ['0', {}, false],
    ['0', undefined, false],
    ['undefined', undefined, false],
    ['', undefined, false],
    ['eth1', { name: 'eth1' }, true],
    ['eth1', { name: 'eth10' }, false],
    ['1', { index: 0, name: '1' }, true],
    [UUID, { uuid: UUID }, true],
    [UUID.slice(0, 8), { uuid: UUID }, false],
    ['*', undefined, true],
    ['*', { index: 7 }, true],
  ];
  for (const [selector, nic, meant] of table) {
    for (const owner of ['synnefo', 'vmnet']) {
      const { nic: _, ...bare } = request({ tags: [`${owner}:network:${selector}:isolate`] });
      const found = policyOfTags(nic === undefined ? bare : { ...bare, nic }, PROFILES);
      assert.deepEqual(found, meant ? { isolated: true } : {}, `${selector} ${JSON.stringify(nic)}`);
    }
  }
});

test('tags that say nothing here', () => {
  const tags = [
    'web',
    'isolate',
    'private-filtered',
    'synnefo:network:0:nonsense',
    'vmnet:network:eth0:filter:nonsense',
    'vmnet:network:0:allow:nonsense',
    'synnefo:something:1:protected',
    'xvmnet:network:1:isolate',
    'gnt:network:1:isolate',
    'vmnet:networks:1:isolate',
    'vmnet:network',
    'vmnet:network:0',
  ];
  for (const tag of tags) assert.deepEqual(of([tag]), {}, tag);
});

test('words that are none', () => {
  const table: [string, RegExp][] = [
    ['synnefo:network:1:protcted', /synnefo:network:1:protcted.*did you mean protected/],
    ['synnefo:network:*:nonsense', /nonsense.*protected.*limited.*unprotected.*own-2.*whitelist.*isolate/],
    [
      'vmnet:network:*:nonsense',
      /protected.*isolate.*filter:full.*link-local:any.*unknown-family:allow.*allow:/,
    ],
    ['synnefo:network:1:filter:mac', /filter:mac/],
    ['synnefo:network:1:allow:192.0.2.7', /allow/],
    ['vmnet:network:eth1:filter:ful', /filter:ful.*did you mean filter:full/],
    ['vmnet:network:1:filter', /filter/],
    ['vmnet:network:1:filter:', /filter/],
    ['vmnet:network:1:link-local:eui-64', /did you mean link-local:eui64/],
    ['vmnet:network:1:unknown-family:accept', /unknown-family:accept/],
    ['vmnet:network:1', /vmnet:network:1/],
    ['vmnet:network:1:', /vmnet:network:1:/],
    ['vmnet:network:1:isolate:', /isolate:/],
    ['vmnet:network:1:Isolate', /did you mean isolate/],
    ['vmnet:network:1:constructor', /constructor/],
    ['vmnet:network:1:allow:', /vmnet:network:1:allow:/],
    ['vmnet:network:1:allow:192.0.2.7/24', /allow:192\.0\.2\.7\/24.*192\.0\.2\.0\/24/],
    ['vmnet:network:1:allow:2001:db8::7/64', /allow:2001:db8::7\/64.*2001:db8::\/64/],
    ['vmnet:network:1:allow:0.0.0.0/0', /0\.0\.0\.0\/0/],
    ['vmnet:network:1:allow:::/0', /::\/0/],
    ['vmnet:network:1:allow:fe80::/10', /fe80::\/10/],
  ];
  for (const [tag, says] of table) refused([tag], says);
});

test('tags that contradict each other are both named', () => {
  const table: [string, string][] = [
    ['synnefo:network:1:protected', 'synnefo:network:1:limited'],
    ['synnefo:network:1:protected', 'vmnet:network:*:unprotected'],
    ['synnefo:network:eth1:whitelist', `synnefo:network:${UUID}:limited`],
    ['vmnet:network:1:filter:full', 'vmnet:network:*:filter:mac'],
    ['vmnet:network:1:link-local:any', 'vmnet:network:*:link-local:eui64'],
  ];
  for (const pair of table) {
    for (const tags of [pair, pair.toReversed()])
      for (const tag of pair) refused(tags, new RegExp(tag.replaceAll('*', '\\*')));
  }
  assert.deepEqual(of(['synnefo:network:1:limited', 'vmnet:network:*:limited']), { firewall: 'limited' });
});

test('the order of tags makes no difference', () => {
  const tags = [
    'vmnet:network:1:allow:192.0.2.7',
    'vmnet:network:1:allow:2001:db8::7',
    'synnefo:network:1:isolate',
    'synnefo:network:*:limited',
  ];
  assert.deepEqual(of(tags), of(tags.toReversed()));
  assert.deepEqual(of(tags.slice(0, 2), { network: { tags: tags.slice(2) } }), of(tags));
});
