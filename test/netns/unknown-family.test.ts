// A bridged NIC whose addresses nobody knows, and which may send from any: any but those of its network's router.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { capture } from '../support/capture.ts';
import { inside, missingForNamespaces } from '../support/command.ts';
import { buildDatacentre, type Datacentre } from '../support/datacentre.ts';
import { bridgedNic, sendFrame, startVm, type Vm } from '../support/vm.ts';
import { arpRequest, udp } from './frames.ts';
import { answers, isClean, succeeded } from './steps.ts';

const skip = missingForNamespaces() ?? false;
const UP = join(import.meta.dirname, '../../dist/hooks/network/bridged/up');
const CONFIG = `[network lan]
mode = bridged
link = br0
filter-unknown-family = allow
subnet = 198.51.100.0/24
gateway = 198.51.100.1
`;
let datacentre: Datacentre;
let vm: Vm;
let peer: Vm;

before(async () => {
  if (skip !== false) return;
  datacentre = await buildDatacentre({ program: 'dist', config: CONFIG });
  vm = await startVm(datacentre, 'a', datacentre.node1, bridgedNic(10, 'tap0'));
  peer = await startVm(datacentre, 'b', datacentre.node1, bridgedNic(11, 'tap1'));
  await up(vm);
  await up(peer);
});
after(() => datacentre?.close());

/** As Ganeti calls it: the addresses of the NIC are nobody's affair. One of its router's it knows, the other the section. */
async function up({ nic, node }: Vm): Promise<void> {
  const env = {
    INTERFACE: nic.tap,
    INSTANCE: `${nic.tap}.example.test`,
    MODE: 'bridged',
    LINK: 'br0',
    MAC: nic.mac,
    NETWORK_NAME: 'lan',
    NETWORK_SUBNET: '198.51.100.0/24',
    // Not a /64, in which the address would follow from the MAC.
    NETWORK_SUBNET6: '2001:db8:992::/60',
    NETWORK_GATEWAY6: '2001:db8:992::1',
    VMNET_CONFIG: node.configFile,
    VMNET_STATE_DIR: node.stateDir,
  };
  const words = Object.entries(env).map(([key, value]) => `${key}=${value}`);
  succeeded(await inside(node, ['env', '-i', ...words, UP]));
}

/** Of these senders, whose ARP and whose packets the peer has seen. */
async function seenOf(sources: readonly string[]): Promise<readonly string[]> {
  const filter = `ether src ${vm.nic.mac} and (arp or udp port 4242)`;
  const sniffer = await capture(peer, 'eth0', filter);
  const macs = { fromMac: vm.nic.mac, toMac: peer.nic.mac };
  for (const from of sources) {
    const to = from.includes(':') ? peer.address6 : peer.address;
    await sendFrame(vm, 'eth0', udp({ from, to, ...macs }, 4242, 4242));
    if (!from.includes(':')) await sendFrame(vm, 'eth0', arpRequest({ from, to, fromMac: vm.nic.mac }));
  }
  await sleep(200);
  const lines = await sniffer.stop();
  return sources.flatMap(from => [
    ...(lines.some(line => line.includes(`${from}.4242 > `)) ? [from] : []),
    ...(lines.some(line => line.includes(`tell ${from}`)) ? [`ARP ${from}`] : []),
  ]);
}

test('it has any address, and is reached at it', { skip }, async () => {
  await answers(vm, peer.address, peer.address6, '198.51.100.1', '2001:db8:992::1');
  assert.deepEqual(await seenOf(['198.51.100.77', '2001:db8:992::77']), [
    '198.51.100.77',
    'ARP 198.51.100.77',
    '2001:db8:992::77',
  ]);
  await isClean(datacentre.node1);
});

test("the router's addresses are not its own", { skip }, async () => {
  assert.deepEqual(await seenOf(['198.51.100.1', '2001:db8:992::1']), []);
});
