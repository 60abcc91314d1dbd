import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VmnetError } from '../../lib/core/errors.ts';
import { parseConfig } from '../../lib/core/source/config.ts';
import { requestFromGanetiExtEnv } from '../../lib/core/source/ganeti-ext.ts';
import { requestFromGanetiEnv } from '../../lib/core/source/ganeti-nic.ts';

const INI = `
[network public]
mode = routed
link = public_993
table = 993

[network lan]
mode = bridged
link = br0

[network both4]
mode = routed
link = both
table = 995

[network both]
mode = bridged
link = both

[network bare]
subnet = 192.0.2.0/24

[bridge br7]
`;
const CONFIG = parseConfig([{ path: 'vmnet.ini', text: INI }], new Map());
const ENV = {
  MODE: 'ext',
  INTERFACE: 'tap0',
  INSTANCE: 'web.example.test',
  MAC: 'aa:00:00:35:6d:0a',
  IP: '192.0.2.10',
  TAGS: '',
  VLAN: '',
};

const DECIDED = [
  ['the network by its name', { NETWORK_NAME: 'public' }, 'routed', 'public_993'],
  ['the network by its name', { NETWORK_NAME: 'lan' }, 'bridged', 'br0'],
  ['the link of a section', { LINK: 'public_993' }, 'routed', 'public_993'],
  ['the link of a section', { LINK: 'br0' }, 'bridged', 'br0'],
  ['the name before the link', { NETWORK_NAME: 'public', LINK: 'br0' }, 'routed', 'public_993'],
  ['the name before a tag', { NETWORK_NAME: 'lan', NETWORK_TAGS: 'ip-less-routed' }, 'bridged', 'br0'],
  ['the link where the name is not known', { NETWORK_NAME: 'other', LINK: 'br0' }, 'bridged', 'br0'],
  ['a [bridge] of that name', { LINK: 'br7' }, 'bridged', 'br7'],
  ['a tag', { LINK: 'br1', NETWORK_TAGS: 'nfdhcpd private-filtered' }, 'bridged', 'br1'],
  ['a tag', { LINK: 'br1', NETWORK_TAGS: 'physical-vlan' }, 'bridged', 'br1'],
  ['a tag', { LINK: '100', NETWORK_TAGS: 'nfdhcpd ip-less-routed' }, 'routed', '100'],
  [
    'a tag of a network whose section has no mode',
    { NETWORK_NAME: 'bare', LINK: '100', NETWORK_TAGS: 'ip-less-routed' },
    'routed',
    '100',
  ],
] as const;

for (const [what, more, mode, link] of DECIDED) {
  test(`${JSON.stringify(more)}: ${mode}, by ${what}`, () => {
    const request = requestFromGanetiExtEnv({ ...ENV, ...more }, CONFIG);
    assert.deepEqual(request, requestFromGanetiEnv({ ...ENV, ...more, MODE: mode, LINK: link }));
  });
}

const UNDECIDED = [
  ['nothing at all', {}, /tap0/],
  ['a name and a link that nobody knows', { NETWORK_NAME: 'other', LINK: 'br9' }, /other.*br9/],
  ['a section without a mode', { NETWORK_NAME: 'bare' }, /bare/],
  ['a table and a bridge of one name', { LINK: 'both' }, /both4.*both/],
  ['tags that contradict each other', { LINK: '1', NETWORK_TAGS: 'private-filtered ip-less-routed' }, /tags/],
  ['a tag that contradicts a [bridge]', { LINK: 'br7', NETWORK_TAGS: 'ip-less-routed' }, /tags/],
] as const;

for (const [what, more, named] of UNDECIDED) {
  test(`${what} decides nothing`, () => {
    assert.throws(
      () => requestFromGanetiExtEnv({ ...ENV, ...more }, CONFIG),
      (error: unknown) => {
        assert.ok(error instanceof VmnetError);
        assert.equal(error.exit, 'request');
        assert.match(`${error.where} ${error.message}`, named);
        assert.match(error.hint ?? '', /\[network NAME\].*mode/);
        return true;
      },
    );
  });
}

test('before the transfer a routed NIC is arriving, and a bridged one is as it will be', () => {
  const phaseOf = (NETWORK_NAME: string, MIGRATION_PHASE: string) =>
    requestFromGanetiExtEnv({ ...ENV, NETWORK_NAME, MIGRATION_PHASE }, CONFIG).phase;
  assert.deepEqual(
    ['pre', 'post', ''].map(phase => phaseOf('public', phase)),
    ['arriving', undefined, undefined],
  );
  assert.deepEqual(
    ['pre', 'post', ''].map(phase => phaseOf('lan', phase)),
    [undefined, undefined, undefined],
  );
  for (const phase of ['before', 'PRE', 'pre '])
    assert.throws(
      () => phaseOf('public', phase),
      (error: unknown) => error instanceof VmnetError && error.where === '$MIGRATION_PHASE',
    );
});
