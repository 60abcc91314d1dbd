// Networks whose domain is a VRF: what the file must say for one, and what a NIC has there and not.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sharedObjects } from '../../lib/core/desired/network.ts';
import { nicObjects } from '../../lib/core/desired/nic.ts';
import { resolveNic } from '../../lib/core/desired/resolve.ts';
import { textOf } from '../../lib/core/model/object.ts';
import { refused } from '../support/parse-config.ts';
import { PUBLIC, request, surroundings } from '../support/resolving.ts';

const VRF = '[vrf blue]\ntable = 993\nports = up0\n';
const NETWORK = '[network n]\ntable = 993\nuplink = up0\n';

/** The file, the line that is named, and a word of the message. */
const REFUSED: readonly (readonly [string, string, RegExp])[] = [
  [`${NETWORK}domain = vfr`, 'a.ini:4', /vfr/],
  [`${NETWORK}domain = vrf`, 'a.ini:2', /\[vrf\]/],
  [`[vrf blue]\ntable = 994\nports = up0\n${NETWORK}domain = vrf`, 'a.ini:5', /\[vrf\]/],
  [`${VRF}${NETWORK}table6 = 994\ndomain = vrf`, 'a.ini:7', /blue.*993/],
  [`${VRF}${NETWORK}uplink6 = up6\ndomain = vrf`, 'a.ini:7', /up6.*blue.*a\.ini:1/],
  [`[vrf blue]\ntable = 993\nports = up1\n${NETWORK}domain = vrf`, 'a.ini:6', /up0.*blue/],
  [`${VRF}${NETWORK}host-access = yes\ndomain = vrf`, 'a.ini:7', /host/],
  [`${VRF}${NETWORK}mode = bridged\ndomain = vrf`, 'a.ini:8', /routed/],
  [`${VRF}${NETWORK}`, 'a.ini:2', /993.*network n/],
];

test('a domain that is no VRF of the file', async t => {
  for (const [text, where, message] of REFUSED)
    await t.test(text.replaceAll('\n', ' | '), () => refused(text, where, message));
});

test('in a VRF a tap is its port, and no rule and no mark of the network is needed', () => {
  const objectsOf = (more: string): readonly string[] => {
    const around = surroundings(`${PUBLIC}${more}`);
    const nic = resolveNic(
      request({ network: { name: 'public' } }, ['192.0.2.5', '2001:db8:993::5']),
      around,
    );
    const { settings } = around.config;
    return [...sharedObjects(nic, settings), ...nicObjects(nic, settings, new Map())].map(textOf);
  };
  const marked = objectsOf('');
  const within = objectsOf(`domain = vrf\n${VRF}`);
  const only = (all: readonly string[], others: readonly string[]) =>
    all.filter(one => !others.includes(one) && !/^(nft-chain|sysctl)/.test(one)).sort();
  assert.deepEqual(only(within, marked), ['link tap0 master blue']);
  assert.deepEqual(
    only(marked, within).map(text => text.split(' ').slice(0, 4).join(' ')),
    [
      'link tap0 master none',
      'nft-element arp uplink_mark4 up0',
      'nft-element inet uplink_mark4 up0',
      'nft-element inet uplink_mark6 up0',
      'route 993 0.0.0.0/0 metric',
      'route 993 ::/0 metric',
      'rule 4 900 from',
      'rule 4 903 from',
      'rule 6 900 from',
      'rule 6 903 from',
    ],
  );
});
