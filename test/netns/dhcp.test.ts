// Real DHCP clients and servers on a bridge, with the filter on: a guest gets its lease, and no guest gives any.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { after, afterEach, before, test } from 'node:test';
import { inside, ip, ipBatch } from '../support/command.ts';
import { buildDatacentre, type Datacentre, publicNetwork } from '../support/datacentre.ts';
import { bridgedNic, startVm, type Vm } from '../support/vm.ts';
import { GIVEN6, leaseOf, missingFor, type Program, startDhclient6, startDnsmasq } from './programs.ts';
import { answers, isClean, succeeded } from './steps.ts';

const skip = missingFor('dnsmasq', 'udhcpc');
const skip6 = missingFor('dnsmasq', 'dhclient');
const LAN = ['[network lan]', 'mode = bridged', 'link = br0'];
const ADDRESS6 = '2001:db8:992::77';
let datacentre: Datacentre;
let guest: Vm;
let rogue: Vm;
let running: Program[] = [];

before(async () => {
  if (skip !== false) return;
  datacentre = await buildDatacentre({ program: 'dist', config: configOf() });
  const { node1 } = datacentre;
  const [a, b] = [bridgedNic(10, 'tap0'), bridgedNic(11, 'tap1')];
  guest = await startVm(datacentre, 'guest', node1, { tap: a.tap, mac: a.mac });
  rogue = await startVm(datacentre, 'rogue', node1, { tap: b.tap, mac: b.mac, ip: '198.51.100.11/24' });
  await ip(node1, 'address', 'add', '198.51.100.2/24', 'dev', 'br0');
  await ipBatch(rogue, ['address add 2001:db8:992::11/64 dev eth0']);
  await attachBridged(guest, '--ip', '198.51.100.10', '--ip', ADDRESS6);
  await attachBridged(rogue, '--ip', '198.51.100.11', '--ip', '2001:db8:992::11');
});
after(() => datacentre?.close());
afterEach(async () => {
  await Promise.all(running.map(program => program.stop()));
  running = [];
  if (skip === false) await forget(guest);
});

function configOf(...lines: readonly string[]): string {
  return `${publicNetwork('up0', ...lines)}${[...LAN, ...lines].join('\n')}\n`;
}

async function attachBridged(vm: Vm, ...more: readonly string[]): Promise<void> {
  const args = ['attach', vm.nic.tap, '--network', 'lan', '--mac', vm.nic.mac];
  succeeded(await vm.node.vmnet([...args, ...more]));
}

async function forget(vm: Vm): Promise<void> {
  await ipBatch(vm, ['address flush dev eth0 scope global', 'route flush default']).catch(() => undefined);
}

async function serves(...[place, ...options]: Parameters<typeof startDnsmasq>): Promise<Program> {
  const program = await startDnsmasq(place, ...options);
  running.push(program);
  return program;
}

/** A server that knows the guest alone. */
function for4(link: string): readonly string[] {
  return [
    `--interface=${link}`,
    '--dhcp-range=198.51.100.0,static,255.255.255.0',
    `--dhcp-host=${guest.nic.mac},198.51.100.10`,
    '--dhcp-option=option:router,198.51.100.1',
  ];
}

test('a server elsewhere on the segment: the guest gets its lease, and its address works', {
  skip,
}, async () => {
  await serves(datacentre.router, ...for4('eth1'));
  assert.deepEqual(await leaseOf(guest, guest.node), { address: '198.51.100.10', server: '198.51.100.1' });
  await answers(guest, '198.51.100.1', '203.0.113.1');
  await answers(datacentre.router, '198.51.100.10');
});

test('a server on the node serves once host-services opens DHCP and DNS, and not before', {
  skip,
}, async () => {
  const { node1 } = datacentre;
  await serves(node1, ...for4('br0'), '--port=53', '--address=/name.example.test/198.51.100.9');
  const asks = () => inside(guest, ['busybox', 'nslookup', 'name.example.test', '198.51.100.2']);
  assert.equal(await leaseOf(guest, node1, 1), undefined);
  writeFileSync(node1.configFile, configOf('host-services = dhcp dns'));
  try {
    succeeded(await node1.vmnet(['repair']));
    assert.deepEqual(await leaseOf(guest, node1), { address: '198.51.100.10', server: '198.51.100.2' });
    assert.match((await asks()).stdout, /198\.51\.100\.9/);
    await isClean(node1);
  } finally {
    writeFileSync(node1.configFile, configOf());
    succeeded(await node1.vmnet(['repair']));
  }
  assert.equal(await leaseOf(guest, node1, 1), undefined, 'and closed again');
});

test('a server in a VM serves nobody, unless its filter is off', { skip }, async () => {
  const server = await serves(rogue, ...for4('eth0'));
  assert.equal(await leaseOf(guest, guest.node, 1), undefined);
  assert.match(server.said(), /DHCPOFFER/, 'it has heard the guest, and answered');
  const own = ['--ip', '198.51.100.11', '--ip', '2001:db8:992::11'];
  await attachBridged(rogue, ...own, '--tag', 'vmnet:network:*:filter:none');
  const lease = await leaseOf(guest, guest.node);
  await attachBridged(rogue, ...own);
  assert.deepEqual(lease, { address: '198.51.100.10', server: '198.51.100.11' });
});

async function asks6(): Promise<Program> {
  const client = await startDhclient6(guest, guest.node);
  running.push(client);
  return client;
}

function for6(link: string): readonly string[] {
  return [
    `--interface=${link}`,
    '--dhcp-range=2001:db8:992::,static,64',
    `--dhcp-host=${guest.nic.mac},[${ADDRESS6}]`,
  ];
}

test('DHCPv6: a server elsewhere on the segment gives the guest its address', { skip: skip6 }, async () => {
  await serves(datacentre.router, ...for6('eth1'));
  const [, address] = await (await asks6()).until(GIVEN6, 5000);
  assert.equal(address, ADDRESS6);
  await ip(guest, 'address', 'add', `${ADDRESS6}/64`, 'dev', 'eth0');
  await answers(guest, '2001:db8:992::1');
});

test('DHCPv6: a server on the node answers where host-services opens it, and one in a VM does not', {
  skip: skip6,
}, async () => {
  const { node1 } = datacentre;
  await serves(rogue, ...for6('eth0'));
  const client = await asks6();
  await client.until(/Solicit on eth0[\s\S]*Solicit on eth0/, 5000);
  assert.doesNotMatch(client.said(), GIVEN6);
  await ip(node1, 'address', 'add', '2001:db8:992::2/64', 'dev', 'br0');
  writeFileSync(node1.configFile, configOf('host-services = dhcp'));
  try {
    succeeded(await node1.vmnet(['repair']));
    await serves(node1, ...for6('br0'));
    const [, address] = await client.until(GIVEN6, 8000);
    assert.equal(address, ADDRESS6);
  } finally {
    writeFileSync(node1.configFile, configOf());
    succeeded(await node1.vmnet(['repair']));
  }
});
