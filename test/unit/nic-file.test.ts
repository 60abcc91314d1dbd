import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VmnetError } from '../../lib/core/errors.ts';
import { parseIfname } from '../../lib/core/model/ifname.ts';
import type { NicRequest } from '../../lib/core/model/request.ts';
import { parseConfig } from '../../lib/core/source/config.ts';
import { requestFromFlags } from '../../lib/core/source/flags.ts';
import { nicFilePath, requestFromNicFile } from '../../lib/core/source/nic-file.ts';
import { parseRtTables } from '../../lib/core/source/rt-tables.ts';

const CONFIG = parseConfig(
  [{ path: 'vmnet.ini', text: '[network public]\nmode = routed\nlink = public_993\ntable = 993\n' }],
  parseRtTables([]),
);
const TAP = parseIfname('tap0', 'tap');

function read(text: string): NicRequest {
  return requestFromNicFile({ path: 'tap0.ini', text }, TAP, CONFIG);
}

test('the words are those of vmnet attach', () => {
  assert.equal(nicFilePath('/etc/vmnet', TAP), '/etc/vmnet/nics.d/tap0.ini');
  const table: [string, Parameters<typeof requestFromFlags>[0]][] = [
    ['network = public', { tap: 'tap0', network: 'public' }],
    ['ip = 192.0.2.9', { tap: 'tap0', ip: ['192.0.2.9'] }],
    [
      `network = public ; the section has the link
mac = AA:00:50:A2:65:69
ip = 192.0.2.9 2001:db8::9
instance = web1
tag = a:b c`,
      {
        tap: 'tap0',
        network: 'public',
        mac: 'aa:00:50:a2:65:69',
        ip: ['192.0.2.9', '2001:db8::9'],
        instance: 'web1',
        tag: ['a:b', 'c'],
      },
    ],
    [
      'mode = bridged\nlink = br0\nvlan = :10:20\nmac = aa:00:50:a2:65:69',
      { tap: 'tap0', mode: 'bridged', link: 'br0', vlan: ':10:20', mac: 'aa:00:50:a2:65:69' },
    ],
  ];
  for (const [text, flags] of table)
    assert.deepEqual(read(`[nic]\n${text}\n`), requestFromFlags(flags, CONFIG));
});

test('errors tell the line', () => {
  const table: [string, string, RegExp][] = [
    ['', 'tap0.ini', /nic/],
    ['; nothing\n', 'tap0.ini', /nic/],
    ['mac = aa:00:50:a2:65:69', 'tap0.ini:1', /mac/],
    ['[vmnet]\n', 'tap0.ini:1', /nic/],
    ['[nic tap1]\n', 'tap0.ini:1', /nic/],
    ['[nic]\nnetwork = public\n[network x]\n', 'tap0.ini:3', /nic/],
    ['[nic]\nmacc = x', 'tap0.ini:2', /macc.*mac/],
    ['[nic]\nmac =', 'tap0.ini:2', /mac/],
    ['[nic]\nnetwork = public\nmac = x', 'tap0.ini:3', /mac/],
    ['[nic]\nnetwork = public\nip = 192.0.2.9 192.0.2.300', 'tap0.ini:3', /192\.0\.2\.300/],
    ['[nic]\nip = 192.0.2.9 192.0.2.9', 'tap0.ini:2', /twice/],
    ['[nic]\nmode = route', 'tap0.ini:2', /mode/],
    ['[nic]\nmode = bridged\nlink = much-too-long-for-a-bridge', 'tap0.ini:3', /link/],
    ['[nic]\nmode = bridged\nvlan = .5000', 'tap0.ini:3', /vlan/],
    ['[nic]\nmode = bridged\ninstance = a/b', 'tap0.ini:3', /instance/],
    ['[nic]\nmode = bridged\ntag = a"b', 'tap0.ini:3', /tag/],
    ['[nic]\nnetwork = pubic', 'tap0.ini:2', /public/],
    ['[nic]\nmac = aa:00:50:a2:65:69', 'tap0.ini:1', /mode = routed/],
  ];
  for (const [text, where, says] of table) {
    assert.throws(
      () => read(text),
      (error: unknown) => {
        assert.ok(error instanceof VmnetError, String(error));
        assert.equal(error.exit, 'config');
        assert.equal(error.where, where);
        assert.match(`${error.message} ${error.hint}`, says);
        assert.doesNotMatch(`${error.message} ${error.hint}`, /--/);
        return true;
      },
      text,
    );
  }
});
