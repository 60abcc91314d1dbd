// A network whose families go by different uplinks; by different tables too, unless one VRF has both.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { ip, missingForNamespaces } from '../support/command.ts';
import { buildDatacentre, type Datacentre, publicNetwork } from '../support/datacentre.ts';
import { DOMAIN } from '../support/domain.ts';
import { stateOf } from '../support/state.ts';
import { routedNic, startVm, type Vm } from '../support/vm.ts';
import { attach, attachArgs, carries, isClean, recordsOf, succeeded, works } from './steps.ts';

const skip = missingForNamespaces() ?? false;
const TABLE6 = DOMAIN === 'vrf' ? '993' : '996';
let datacentre: Datacentre;
let vm: Vm;

before(async () => {
  if (skip !== false) return;
  datacentre = await buildDatacentre({ program: 'dist' });
  const { node1, segments } = datacentre;
  // A second wire to the same segment; on the first there is no IPv6.
  await ip(segments, 'link', 'add', 'n1up6', 'type', 'veth', 'peer', 'name', 'up6', 'netns', node1.ns);
  await ip(segments, 'link', 'set', 'n1up6', 'master', segments.routed, 'up');
  await ip(node1, 'link', 'set', 'up6', 'up');
  await ip(node1, '-6', 'address', 'flush', 'dev', 'up0');
  await carries(node1, 'up6');
  const table6 = DOMAIN === 'vrf' ? [] : [`table6 = ${TABLE6}`];
  const config = publicNetwork('up0', 'uplink6 = up6', ...table6);
  writeFileSync(node1.configFile, config.replace('ports = up0', 'ports = up0 up6'));
  vm = await startVm(datacentre, 'a', node1, routedNic(10, 'tap0'));
});
after(() => datacentre?.close());

if (DOMAIN === 'vrf')
  test('while one of the uplinks is outside the VRF, an attach is refused', { skip }, async () => {
    const { node1 } = datacentre;
    const was = await stateOf(node1);
    const { exitCode, stderr } = await node1.vmnet(attachArgs(vm));
    assert.equal(exitCode, 65, stderr);
    assert.match(
      stderr,
      /^vmnet: tap0: the uplink up6 is no port of the VRF vrf993; vmnet host up makes .*$/,
    );
    assert.deepEqual(await stateOf(node1), was);
    assert.deepEqual(recordsOf(node1), []);
  });

test('IPv4 and IPv6 go by different uplinks', { skip }, async () => {
  const { node1 } = datacentre;
  if (DOMAIN === 'vrf') {
    succeeded(await node1.vmnet(['host', 'up']));
    await carries(node1, 'up6', TABLE6);
  }
  const was = await stateOf(node1);
  await attach(vm);
  await works(datacentre, vm);
  await isClean(node1);
  const [four, six] = [
    await ip(node1, 'route', 'show', 'table', '993'),
    await ip(node1, '-6', 'route', 'show', 'table', TABLE6),
  ];
  assert.match(four, /default via 192\.0\.2\.1 dev up0/);
  assert.doesNotMatch(four, / dev up6/);
  assert.match(six, /default via 2001:db8:993::1 dev up6/);
  assert.doesNotMatch(six, / dev up0 proto 118/);
  if (TABLE6 !== '993')
    assert.equal(await ip(node1, '-6', 'route', 'show', 'table', '993').catch(() => ''), '');
  await isReachedBy('up0', vm.address);
  await isReachedBy('up6', vm.address6);
  succeeded(await node1.vmnet(['detach', 'tap0']));
  assert.deepEqual(await stateOf(node1), was);
});

/** The router has the MAC of this uplink for the address. */
async function isReachedBy(uplink: string, address: string): Promise<void> {
  const [link] = JSON.parse(await ip(datacentre.node1, '-j', 'link', 'show', uplink));
  const [entry] = JSON.parse(await ip(datacentre.router, '-j', 'neighbour', 'show', 'to', address));
  assert.equal(entry.lladdr, link.address, address);
}
