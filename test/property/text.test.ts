// What is parsed and written is the same again, and what is not plain never gets through.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { VmnetError } from '../../lib/core/errors.ts';
import {
  addressBytes,
  contains,
  eui64,
  hostPrefix,
  linkLocal,
  parseAddress,
  parsePrefix,
} from '../../lib/core/model/address.ts';
import { parseIfname } from '../../lib/core/model/ifname.ts';
import { bridgePortMac, macBytes, parseMac } from '../../lib/core/model/mac.ts';
import type { NicRecord } from '../../lib/core/model/record.ts';
import { parseConfig } from '../../lib/core/source/config.ts';
import { requestFromFlags } from '../../lib/core/source/flags.ts';
import { requestFromGanetiEnv } from '../../lib/core/source/ganeti-nic.ts';
import { parseRecord } from '../../lib/core/source/record.ts';
import { parseRtTables } from '../../lib/core/source/rt-tables.ts';
import { address, ifname, mac, nic, prefix } from './arbitraries.ts';

const at = 'property';

test('addresses: what is written is read as the same, in any spelling', () => {
  fc.assert(
    fc.property(address, one => {
      assert.deepEqual(parseAddress(one.text, at), one);
      const bytes = addressBytes(one);
      const spelled =
        one.family === 4
          ? bytes.join('.')
          : Array.from({ length: 8 }, (_, i) =>
              (((bytes[2 * i] ?? 0) << 8) | (bytes[2 * i + 1] ?? 0))
                .toString(16)
                .toUpperCase()
                .padStart(4, '0'),
            ).join(':');
      assert.deepEqual(parseAddress(spelled, at), one);
    }),
  );
});

test('prefixes: what is written is read as the same, and holds itself', () => {
  fc.assert(
    fc.property(prefix, address, (one, other) => {
      assert.deepEqual(parsePrefix(one.text, at, 'refuse'), one);
      assert.ok(contains(one, { family: one.family, text: one.address }));
      assert.ok(contains(hostPrefix(other), other));
      // Two addresses are in one prefix exactly when their prefixes of that length are one.
      const same =
        other.family === one.family && parsePrefix(`${other.text}/${one.length}`, at).text === one.text;
      assert.equal(contains(one, other), same);
    }),
  );
});

test('MACs: read and written, and each has a link-local address of its own', () => {
  fc.assert(
    fc.property(mac, mac, (one, other) => {
      assert.equal(parseMac(one.toUpperCase(), at), one);
      assert.equal([...macBytes(one)].map(byte => byte.toString(16).padStart(2, '0')).join(':'), one);
      assert.notEqual(bridgePortMac(one), one);
      assert.equal(linkLocal(one).text === linkLocal(other).text, one === other);
      const net = parsePrefix('2001:db8:1::/64', at);
      assert.ok(contains(net, eui64(net, one)));
    }),
  );
});

test('records: what is stored is read as the same', () => {
  fc.assert(
    fc.property(nic, fc.integer({ min: 1, max: 2 ** 31 - 1 }), ifname, (one, ifindex, master) => {
      const tap = one.request.ifname;
      const record: NicRecord = {
        version: 1,
        state: 'applied',
        request: one.request,
        ...(one.mode === 'routed' ? { network: one.network } : {}),
        ifindex,
        before: [
          { kind: 'link-setting', ifname: tap, setting: 'master', value: master },
          { kind: 'sysctl', path: `net/ipv4/conf/${tap}/forwarding`, value: '0' },
        ],
        at: '2031-05-04T03:02:01.000Z',
      };
      assert.deepEqual(parseRecord(JSON.stringify(record), 'file'), record);
    }),
  );
});

test('a record with any one value changed into anything is read, or refused as a record', () => {
  fc.assert(
    fc.property(nic, fc.nat(), fc.anything(), (one, where, value) => {
      const record = {
        version: 1,
        state: 'applied',
        request: one.request,
        ifindex: 7,
        before: [],
        at: '2031-05-04T03:02:01Z',
      };
      const whole = one.mode === 'routed' ? { ...record, network: one.network } : record;
      const text = JSON.stringify(replaced(whole, { left: where % 40 }, value) ?? null) ?? 'null';
      onlyRefuses('record', () => parseRecord(text, 'file'));
    }),
  );
});

/** The `left`-th leaf, counted through the whole, becomes `value`. */
function replaced(json: unknown, at: { left: number }, value: unknown): unknown {
  if (Array.isArray(json)) return json.map(item => replaced(item, at, value));
  if (typeof json === 'object' && json !== null)
    return Object.fromEntries(Object.entries(json).map(([key, inner]) => [key, replaced(inner, at, value)]));
  at.left -= 1;
  return at.left === -1 ? value : json;
}

/** Bytes of a terminal, a shell, `ip` and `nft`, among others. */
const hostile = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary' }),
  fc.stringMatching(/^[\n\r\0"'`$();{}|&<>\\ a-z0-9:./-]{0,20}$/),
);
const rtTables = parseRtTables([]);
const config = parseConfig(
  [{ path: 'vmnet.ini', text: '[network n]\nmode = routed\ntable = 9\nuplink = up0\n' }],
  rtTables,
);

test('whatever the command line or the cluster says, what comes out is plain', () => {
  const maybe = fc.option(hostile, { nil: undefined });
  const given = fc.record({
    ...{ tap: hostile, network: maybe, mode: maybe, link: maybe, mac: maybe, vlan: maybe, instance: maybe },
    ip: fc.array(hostile, { maxLength: 2 }),
    tag: fc.array(hostile, { maxLength: 2 }),
  });
  fc.assert(
    fc.property(given, fc.boolean(), (flags, valid) => {
      const words = { ...flags, ...(valid ? { tap: 'tap0', mode: 'routed', network: 'n' } : {}) };
      const present = Object.fromEntries(Object.entries(words).filter(([, text]) => text !== undefined));
      onlyRefuses('request', () => plain(requestFromFlags({ tap: '', ...present }, config)));
      const env = {
        ...{
          INTERFACE: words.tap,
          MODE: words.mode,
          LINK: words.link,
          MAC: words.mac,
          IP: words.ip[0],
          VLAN: words.vlan,
        },
        ...{ INSTANCE: words.instance ?? 'i', TAGS: words.tag[0], NETWORK_NAME: words.network },
      };
      onlyRefuses('request', () => plain(requestFromGanetiEnv(env)));
    }),
    { numRuns: 1000 },
  );
});

test('a name, an address, a prefix or a MAC is plain or refused', () => {
  fc.assert(
    fc.property(hostile, text => {
      for (const parse of [parseIfname, parseMac])
        onlyRefuses('request', () => assert.match(parse(text, at), /^[A-Za-z0-9_.@+:-]+$/));
      for (const parse of [parseAddress, parsePrefix])
        onlyRefuses('request', () => assert.match(parse(text, at).text, /^[0-9a-f:./]+$/));
    }),
    { numRuns: 2000 },
  );
});

/** All of a request that can reach a command. */
function plain(request: ReturnType<typeof requestFromFlags>): void {
  for (const text of [
    request.ifname,
    request.mac,
    request.link,
    request.vlan,
    ...request.addresses.map(one => one.text),
  ])
    assert.match(text ?? 'none', /^[A-Za-z0-9_.@+:,-]+$/);
}

function onlyRefuses(exit: string, run: () => unknown): void {
  try {
    run();
  } catch (thrown) {
    if (!(thrown instanceof VmnetError)) throw thrown;
    assert.equal(thrown.exit, exit);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: an error is one line of a terminal
    assert.doesNotMatch(`${thrown.message}${thrown.where}${thrown.hint}`, /[\u0000-\u001f\u007f]/);
  }
}
