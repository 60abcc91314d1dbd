// A real DHCP server of both families on the node, and the real clients of a routed guest, with the filter on.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { after, afterEach, before, test } from 'node:test';
import { ipBatch } from '../support/command.ts';
import { buildDatacentre, type Datacentre, publicNetwork } from '../support/datacentre.ts';
import { DOMAIN } from '../support/domain.ts';
import { routedNic, startVm, type Vm } from '../support/vm.ts';
import { GIVEN6, leaseOf, missingFor, type Program, startDhclient6, startDnsmasq } from './programs.ts';
import { answers, attach, isClean, succeeded, works } from './steps.ts';

const skip = missingFor('dnsmasq', 'udhcpc', 'dhclient');
/** What comes to the host by a VRF is for sockets of the VRF, at an address of the VRF itself. */
const [SERVING, VRF] = DOMAIN === 'vrf' ? ['vrf993', { vrf: 'vrf993' }] : ['up0', {}];
const TAP_LINK_LOCAL = 'fe80::76:6dff:fe6e:6574';
let datacentre: Datacentre;
/** As it will be configured. */
let guest: Vm;
let running: Program[] = [];

before(async () => {
  if (skip !== false) return;
  datacentre = await buildDatacentre({ program: 'dist' });
  const { node1 } = datacentre;
  const nic = routedNic(12, 'tap2');
  const blank = await startVm(datacentre, 'guest', node1, { tap: nic.tap, mac: nic.mac });
  guest = { ...blank, address: '192.0.2.12', address6: nic.ip6?.split('/')[0] ?? assert.fail() };
  await attach(guest);
  await ipBatch(node1, [
    `address add 192.0.2.200/24 dev ${SERVING} noprefixroute`,
    `address add 2001:db8:993::200/64 dev ${SERVING} nodad noprefixroute`,
  ]);
});
after(() => datacentre?.close());
afterEach(async () => {
  await Promise.all(running.map(program => program.stop()));
  running = [];
});

/** It knows the guest alone. */
function startServer(): Promise<Program> {
  return startDnsmasq(
    { ...datacentre.node1, ...VRF },
    `--interface=${SERVING},tap2`,
    `--bridge-interface=${SERVING},tap2`,
    '--dhcp-range=192.0.2.0,static,255.255.255.0',
    '--dhcp-range=2001:db8:993::,static,64',
    `--dhcp-host=${guest.nic.mac},${guest.address},[${guest.address6}]`,
    '--dhcp-option=option:router,192.0.2.1',
  );
}

async function asks6(): Promise<Program> {
  const client = await startDhclient6(guest, guest.node);
  running.push(client);
  return client;
}

async function repairWith(...lines: readonly string[]): Promise<void> {
  const { node1 } = datacentre;
  writeFileSync(node1.configFile, publicNetwork('up0', ...lines));
  succeeded(await node1.vmnet(['repair']));
}

test('a server on the node serves a routed guest once host-services opens DHCP, and not before', {
  skip,
}, async () => {
  const { node1 } = datacentre;
  const server = await startServer();
  running.push(server);
  const early = await asks6();
  assert.equal(await leaseOf(guest, node1, 1), undefined);
  await early.until(/Solicit on eth0[\s\S]*Solicit on eth0/, 5000);
  assert.doesNotMatch(early.said(), GIVEN6);
  // It asks at ever longer intervals.
  await early.stop();
  await repairWith('host-services = dhcp');
  const lease = await leaseOf(guest, node1);
  assert.deepEqual(lease, { address: guest.address, server: '192.0.2.200' }, server.said());
  const [, address6] = await (await asks6()).until(GIVEN6, 8000);
  assert.equal(address6, guest.address6, server.said());
  await ipBatch(guest, [
    `address add ${guest.address6}/128 dev eth0`,
    'route add 2001:db8:993::1/128 dev eth0',
    'route add default via 2001:db8:993::1',
  ]);
  await works(datacentre, guest);
  await isClean(node1);
  await repairWith();
  assert.equal(await leaseOf(guest, node1, 1), undefined, 'and closed again');
});

test('its gateway answers by its link-local address too', { skip }, async () => {
  await answers(guest, `${TAP_LINK_LOCAL}%eth0`);
});
