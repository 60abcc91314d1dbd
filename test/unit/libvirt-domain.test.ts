import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { VmnetError } from '../../lib/core/errors.ts';
import {
  type LibvirtDomain,
  readLibvirtDomain,
  requestsOfDomain,
} from '../../lib/core/source/libvirt-domain.ts';

const FIXTURES = join(import.meta.dirname, '../fixtures/libvirt');

function fixture(name: string): LibvirtDomain {
  return readLibvirtDomain(name, readFileSync(join(FIXTURES, name), 'utf8'));
}

/** A domain with one interface, of a bridge unless its attributes or elements say otherwise. */
function domain(inner: string, { type = 'bridge', metadata = '', name = 'web1' } = {}): string {
  return `<domain><name>${name}</name><uuid>7ae63b5f-fe96-4af0-a7c3-da04ba1b3f54</uuid>
<metadata>${metadata}</metadata><devices><interface type='${type}'>
<mac address='52:54:00:00:00:01'/><source bridge='br0'/>${inner}
</interface></devices></domain>`;
}

function nics(...args: Parameters<typeof domain>): string {
  return `<v:nics xmlns:v='urn:vmnet:nic'>${args[0]}</v:nics>`;
}

function refused(text: string, where: string, says = /./): void {
  assert.throws(
    () => readLibvirtDomain('stdin', text),
    (error: unknown) => {
      assert.ok(error instanceof VmnetError, String(error));
      assert.equal(error.exit, 'request');
      assert.equal(error.where, where);
      assert.match(`${error.message} ${error.hint}`, says);
      return true;
    },
    text.slice(0, 300),
  );
}

test('what the hook gets of a domain that has started', () => {
  const started = fixture('started.xml');
  assert.equal(started.instance, 'web1');
  assert.equal('state' in started, false);
  const ofInstance = { instance: 'web1', tags: [] };
  assert.deepEqual(requestsOfDomain(started), [
    {
      ifname: 'vnet0',
      mode: 'bridged',
      mac: '52:54:00:00:00:01',
      link: 'br0',
      vlan: '.42:123',
      addresses: [
        { family: 4, text: '198.51.100.7' },
        { family: 4, text: '198.51.100.8' },
      ],
      network: {},
      ...ofInstance,
      tags: ['vmnet:network:*:isolate'],
    },
    {
      ifname: 'vnet1',
      mode: 'bridged',
      mac: '52:54:00:00:00:02',
      link: 'virbr0',
      vlan: '.7',
      addresses: [],
      network: { name: 'default' },
      ...ofInstance,
    },
    {
      ifname: 'vnet2',
      mode: 'routed',
      mac: '52:54:00:00:00:03',
      link: '993',
      addresses: [
        { family: 4, text: '192.0.2.10' },
        { family: 6, text: '2001:db8::10' },
      ],
      network: { name: 'public' },
      ...ofInstance,
      tags: ['web'],
    },
  ]);
  assert.deepEqual(
    started.nics.map(({ where, declared, request, mtu }) => [
      where,
      declared,
      request.tags.includes('vmnet:network:*:isolate'),
      mtu,
    ]),
    [
      ['started.xml:20', false, true, 1450],
      ['started.xml:39', false, false, undefined],
      ['started.xml:48', true, false, undefined],
    ],
  );
  assert.deepEqual(
    started.foreign.map(({ type }) => type),
    ['direct', 'openvswitch'],
  );
});

test("what libvirt's own status file has", () => {
  const status = fixture('status.xml');
  assert.deepEqual(status.state, { state: 'paused', reason: 'migration' });
  assert.deepEqual(requestsOfDomain(status), [
    {
      ifname: 'vnet7',
      mode: 'bridged',
      instance: 'db1',
      mac: '52:54:00:00:01:01',
      link: 'br1',
      vlan: '.30',
      addresses: [],
      tags: [],
      network: { name: 'lan' },
    },
  ]);
  assert.deepEqual(
    status.foreign.map(({ type }) => type),
    ['direct'],
  );
});

test('before there is a tap', () => {
  const { nics: found } = readLibvirtDomain('stdin', domain(''));
  assert.deepEqual(
    found.map(nic => 'ifname' in nic),
    [false],
  );
  assert.deepEqual(requestsOfDomain(readLibvirtDomain('stdin', domain(''))), []);
  assert.deepEqual(readLibvirtDomain('stdin', '<domain><name>x</name></domain>').nics, []);
});

test('one field at a time', () => {
  const of = (...args: Parameters<typeof domain>) =>
    readLibvirtDomain('stdin', domain(...args)).nics[0]?.request;
  const vlan = (text: string) => of(`<vlan ${text}</vlan>`)?.vlan;
  assert.equal(vlan("><tag id='10'/>"), '.10');
  assert.equal(vlan("trunk='yes'><tag id='10'/>"), ':10');
  assert.equal(vlan("trunk='yes'><tag id='10'/><tag id='20'/>"), ':10:20');
  const addresses = (text: string) => of(text)?.addresses.map(address => address.text);
  assert.deepEqual(
    addresses("<filterref filter='x'><parameter name='IPV6' value='2001:DB8::1'/></filterref>"),
    ['2001:db8::1'],
  );
  assert.deepEqual(addresses("<ip address='2001:db8::1' family='ipv6' prefix='64'/>"), ['2001:db8::1']);
  // A name that no record can have, and a network's that no section can.
  assert.equal(of('', { name: 'Windows 10' })?.instance, '7ae63b5f-fe96-4af0-a7c3-da04ba1b3f54');
  const { nics: spaced } = readLibvirtDomain(
    'stdin',
    domain('', { type: 'network' }).replace("bridge='br0'", "network='my net' bridge='br0'"),
  );
  assert.deepEqual(spaced[0]?.request.network, {});
});

test('the metadata wins over what libvirt does with the interface', () => {
  const metadata = nics("<v:nic mac='52:54:00:00:00:01' mode='routed' link='100' network='n'/>");
  const [nic] = readLibvirtDomain('stdin', domain("<vlan><tag id='10'/></vlan>", { metadata })).nics;
  assert.partialDeepStrictEqual(nic, {
    declared: true,
    request: { mode: 'routed', link: '100', vlan: '.10', network: { name: 'n' } },
  });
  // The prefix is whoever's; the namespace is ours.
  const plain = "<nics xmlns='urn:vmnet:nic'><nic mac='52:54:00:00:00:01' vlan='.20'/></nics>";
  assert.equal(readLibvirtDomain('stdin', domain('', { metadata: plain })).nics[0]?.request.vlan, '.20');
  for (const other of ['urn:other', 'urn:vmnet:nic2']) {
    const foreign = `<v:nics xmlns:v='${other}'><v:nic mac='52:54:00:00:00:01' odd='x'/></v:nics>`;
    assert.equal(readLibvirtDomain('stdin', domain('', { metadata: foreign })).nics[0]?.declared, false);
  }
});

test('bad values, by their line', () => {
  const table: [string, string, RegExp?][] = [
    ["<vlan><tag id='4095'/></vlan>", 'stdin:2'],
    ["<vlan><tag id='x'/></vlan>", 'stdin:2'],
    ['<vlan></vlan>', 'stdin:2'],
    ["<vlan trunk='yes'><tag id='1' nativeMode='tagged'/></vlan>", 'stdin:2', /tagged/],
    ["\n<ip address='192.0.2.300'/>", 'stdin:4', /192\.0\.2\.300/],
    ["<ip address='192.0.2.3' family='ipv6'/>", 'stdin:3'],
    ["<filterref filter='x'><parameter name='IP' value='0.0.0.0'/></filterref>", 'stdin:3'],
    ["<target dev='a/b'/>", 'stdin:2'],
    ["<mtu size='9'/>", 'stdin:2'],
    ["<mtu size='99999'/>", 'stdin:2'],
  ];
  for (const [inner, where, says] of table) refused(domain(inner), where, says);
  refused(domain('').replace('52:54:00:00:00:01', '53:54:00:00:00:01'), 'stdin:2');
  refused(domain('').replace("<mac address='52:54:00:00:00:01'/>", ''), 'stdin:2');
  refused(domain('').replace("'br0'", "'a b'"), 'stdin:2');
  refused(domain('', { name: '' }).replace(/<uuid>.*<\/uuid>/, ''), 'stdin');
});

test('bad metadata', () => {
  const mac = "mac='52:54:00:00:00:01'";
  const table: [string, RegExp][] = [
    ['<v:nic/>', /MAC/],
    [`<v:nic ${mac} nework='n'/>`, /nework.*network/],
    [`<v:nic ${mac} mode='route'/>`, /routed/],
    [`<v:nic ${mac} mode='bridged' link='a/b'/>`, /a\/b/],
    [`<v:nic ${mac} vlan='.5000'/>`, /5000/],
    [`<v:nic ${mac}><v:ip addres='192.0.2.1'/></v:nic>`, /addres/],
    [`<v:nic ${mac}><v:ip address='192.0.2.0/24'/></v:nic>`, /192/],
    [`<v:nic ${mac}><v:tag/></v:nic>`, /tag/],
    [`<v:nic ${mac}><v:address ip='192.0.2.1'/></v:nic>`, /address/],
    [`<v:nic ${mac}/><v:nic ${mac}/>`, /52:54/],
  ];
  for (const [inner, says] of table) refused(domain('', { metadata: nics(inner) }), 'stdin:2', says);
});

test('what is no domain, and what is no XML', () => {
  const table: [string, string][] = [
    ['', 'stdin'],
    ['<domain>', 'stdin'],
    ['<network/>', 'stdin'],
    ['<domstatus/>', 'stdin'],
    ['<domain xmlns="urn:x"/><domain/>', 'stdin'],
    ['<domain>&nbsp;</domain>', 'stdin'],
    ['<!DOCTYPE domain [<!ENTITY a "x">]><domain><name>web1</name></domain>', 'stdin'],
    ['<!DOCTYPE domain SYSTEM "file:///etc/passwd"><domain><name>web1</name></domain>', 'stdin'],
    ['<a>'.repeat(200_000), 'stdin'],
    [`<domain>${' '.repeat(9_000_000)}</domain>`, 'stdin'],
    ["<domain a='1' a='2'/>", 'stdin'],
    ['<domain>\u0000</domain>', 'stdin'],
  ];
  for (const [text, where] of table) refused(text, where);
});
