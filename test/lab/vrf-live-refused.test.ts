// What is refused before a port is moved into a VRF.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ip } from '../support/command.ts';
import { host, inLiveScene, skip, stateOfHost, vmnet } from './vrf-live-scene.ts';

const INI = '[vrf mgmt]\nports = eth0\n';

inLiveScene();

test('refused in one line, and nothing is changed', { skip }, async () => {
  const make = [
    'link add br0 type bridge',
    'link add p0 type dummy',
    'link set p0 master br0',
    'link add bond0 type bond',
    'link add p1 type dummy',
    'link set p1 master bond0',
    'link add red type vrf table 1002',
    'link add p2 type dummy',
    'link set p2 master red',
    'link add p3 type dummy',
    'route add 10.66.0.0/16 dev eth1 table 1003',
    'rule add pref 700 from 10.67.0.0/16 lookup 1004',
  ];
  for (const line of make) await ip(host, ...line.split(' '));
  const was = await stateOfHost();
  const cases: readonly (readonly [string, string, RegExp])[] = [
    ['[vrf mgmt]\nports = p0\n', 'mgmt', /p0 is a port of the bridge br0/],
    ['[vrf mgmt]\nports = p1\n', 'mgmt', /p1 is a port of the bond bond0/],
    ['[vrf mgmt]\nports = p2\n', 'mgmt', /p2 is a port of the VRF red/],
    ['[vrf mgmt]\nports = eth7\n', 'mgmt', /eth7/],
    ['[vrf mgmt]\nports = eth0\ntable = 254\n', 'mgmt', /vmnet\.ini:3.*254/],
    ['[vrf mgmt]\nports = eth0\ntable = 1002\n', 'mgmt', /1002 is that of the VRF red/],
    ['[vrf mgmt]\nports = eth0\ntable = 1003\n', 'mgmt', /1003 is in use: route/],
    ['[vrf mgmt]\nports = eth0\ntable = 1004\n', 'mgmt', /1004 is in use: rule/],
    ['[vrf main]\nports = eth0\ntable = 1005\n', 'main', /main is the name of table 254/],
    ['[vrf p3]\nports = eth0\ntable = 1005\n', 'p3', /p3 is there and is no VRF/],
    [INI, 'red', /no \[vrf red\]/],
  ];
  for (const [ini, name, expected] of cases) {
    const { exitCode, stderr } = await vmnet(ini, ['vrf', 'up', name, '--no-confirm']);
    assert.ok([65, 78].includes(exitCode), `${ini}: ${exitCode}`);
    assert.match(stderr, expected);
    assert.equal(stderr.trim().split('\n').length, 1, stderr);
  }
  assert.equal(await stateOfHost(), was);
});
