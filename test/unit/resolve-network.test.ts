import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { resolveNic } from '../../lib/core/desired/resolve.ts';
import { parseAddress, parsePrefix } from '../../lib/core/model/address.ts';
import type { NicRequest } from '../../lib/core/model/request.ts';
import { MAC, PUBLIC, refuses, request, surroundings } from '../support/resolving.ts';

const at = 'test';

describe('the network', () => {
  test('by its name, then by what the cluster calls its link', () => {
    for (const asked of [
      { network: { name: 'public' } },
      { link: 'public_993' },
      { link: 'x', network: { name: 'public' } },
    ]) {
      const nic = resolveNic(request(asked, ['192.0.2.5']), surroundings(PUBLIC));
      assert.ok(nic.mode === 'routed');
      const [four] = nic.network.families;
      assert.equal(nic.network.name, 'public');
      assert.deepEqual(four, {
        family: 4,
        table: 993,
        uplink: 'up0',
        subnet: parsePrefix('192.0.2.0/24', at),
        gateway: parseAddress('192.0.2.1', at),
        arpSource: parseAddress('192.0.2.254', at),
        skeleton: true,
      });
    }
  });

  test('tables and uplinks of each family, the group by the first table', () => {
    const ini = PUBLIC.replace('table = 993', 'table = 993\ntable6 = 1993').replace(
      'uplink = up0',
      'uplink = up0\nuplink6 = up6',
    );
    const nic = resolveNic(request({ link: 'public_993', mac: MAC }, ['192.0.2.5']), surroundings(ini));
    assert.ok(nic.mode === 'routed');
    assert.deepEqual(
      nic.network.families.map(one => [one.table, one.uplink, one.arpSource?.text]),
      [
        [993, 'up0', '192.0.2.254'],
        [1993, 'up6', undefined],
      ],
    );
    assert.equal(nic.network.group, 993);
  });

  test('the cluster wins for addresses, the file for what is local', () => {
    const network = {
      name: 'public',
      subnet: parsePrefix('192.0.2.128/25', at),
      gateway: parseAddress('192.0.2.129', at),
    };
    const nic = resolveNic(request({ network }, ['192.0.2.200']), surroundings(PUBLIC));
    assert.ok(nic.mode === 'routed');
    const [four] = nic.network.families;
    assert.deepEqual(
      [four?.subnet?.text, four?.gateway?.text, four?.uplink],
      ['192.0.2.128/25', '192.0.2.129', 'up0'],
    );
  });

  test('what is not there is refused', () => {
    refuses(/"nowhere"/, () =>
      resolveNic(request({ network: { name: 'nowhere' } }, ['192.0.2.5']), surroundings(PUBLIC)),
    );
    refuses(/"nowhere"/, () => resolveNic(request({ link: 'nowhere' }, ['192.0.2.5']), surroundings(PUBLIC)));
    refuses(/network .*LINK/, () => resolveNic(request({}, ['192.0.2.5']), surroundings(PUBLIC)));
    refuses(/local/, () => resolveNic(request({ link: 'local' }, ['192.0.2.5']), surroundings('')));
  });
});

test('a bridged NIC has the bridge of its link, or of its network, or is refused', () => {
  const lan = '[network lan]\nmode = bridged\nlink = br0\n';
  const bridgeOf = (more: Partial<NicRequest>) => {
    const nic = resolveNic(request({ mode: 'bridged', ...more }), surroundings(lan));
    return nic.mode === 'bridged' ? nic.bridge : undefined;
  };
  assert.equal(bridgeOf({ link: 'br7' }), 'br7');
  assert.equal(bridgeOf({ network: { name: 'lan' } }), 'br0');
  refuses(/bridge.*LINK/, () => bridgeOf({}));
  refuses(/a b/, () => bridgeOf({ link: 'a b' }));
});
