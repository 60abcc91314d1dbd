// ARP and neighbour discovery on the wire: who is answered, how soon, and under which address the host asks.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Capture, capture } from '../support/capture.ts';
import { ip, missingForNamespaces } from '../support/command.ts';
import { buildDatacentre, type Datacentre } from '../support/datacentre.ts';
import { ping } from '../support/probe.ts';
import { routedNic, sendFrame, startVm, type Vm } from '../support/vm.ts';
import { arpRequest, solicitation } from './frames.ts';
import { answers, attach, isClean, succeeded, works } from './steps.ts';

const skip = missingForNamespaces() ?? false;
const ROUTER = { mac: '02:00:00:00:99:01', 4: '192.0.2.1', 6: '2001:db8:993::1' } as const;
let datacentre: Datacentre;
let vm: Vm;

before(async () => {
  if (skip !== false) return;
  datacentre = await buildDatacentre({ program: 'dist' });
  await ip(datacentre.router, 'link', 'set', 'eth0', 'address', ROUTER.mac);
  vm = await startVm(datacentre, 'a', datacentre.node1, routedNic(10, 'tap0'));
  await attach(vm);
});
after(() => datacentre?.close());

/** Not the VM's: free, the node's management address, reachable only by main's default, the gateway, the outside. */
const FOREIGN = [
  ...['192.0.2.99', '10.9.9.1', '198.18.0.1', '192.0.2.254', '203.0.113.1'],
  ...[
    '2001:db8:993::99',
    '2001:db8:999::1',
    '2001:db8:abcd::1',
    '2001:db8:ffff::1',
    'fe80::76:6dff:fe6e:6574',
  ],
];

async function ask(address: string, everybody: boolean, from?: string): Promise<void> {
  const ends = { to: address, fromMac: ROUTER.mac };
  const frame = address.includes(':')
    ? solicitation({ ...ends, from: from ?? ROUTER[6] }, { everybody })
    : arpRequest({ ...ends, from: from ?? ROUTER[4] });
  await sendFrame(datacentre.router, 'eth0', frame);
}

function answerFor(address: string): RegExp {
  return address.includes(':')
    ? new RegExp(`neighbor advertisement, tgt is ${address}[, ]`)
    : new RegExp(`Reply ${address.replaceAll('.', '\\.')} is-at`);
}

async function listen(): Promise<Capture> {
  return capture(datacentre.router, 'eth0', 'inbound and (arp or icmp6)');
}

function secondsOf(line: string): number {
  const [h = 0, m = 0, s = 0] = (line.split(' ')[0] ?? '').split(':').map(Number);
  return h * 3600 + m * 60 + s;
}

test('the VM is answered for at once, every time', { skip }, async () => {
  for (const address of [vm.address, vm.address6]) {
    const sniffer = await capture(datacentre.router, 'eth0', 'arp or icmp6');
    // Neither its own requests nor announcements are wanted here.
    const asked = address.includes(':') ? /solicitation, who has/ : /Request who-has .* tell 192\.0\.2\.1,/;
    for (let i = 0; i < 5; i += 1) await ask(address, false);
    await sleep(50);
    const lines = await sniffer.stop();
    const requests = lines.filter(line => asked.test(line) && line.includes(address)).map(secondsOf);
    const replies = lines.filter(line => answerFor(address).test(line)).map(secondsOf);
    assert.equal(requests.length, 5, lines.join('\n'));
    for (const request of requests) {
      const wait = replies.map(reply => reply - request).find(seconds => seconds >= 0);
      // The kernel's default is a random delay of up to 0.8 s.
      assert.ok(wait !== undefined && wait < 0.05, `${address} after ${wait} s:\n${lines.join('\n')}`);
    }
  }
});

test('nobody else is answered for, and nobody in the time of a default proxy_delay', { skip }, async () => {
  await answersNobodyElse();
});

test('nor while the uplink is down and up again without repair, nor after it', { skip }, async () => {
  const { node1 } = datacentre;
  for (const state of ['down', 'up']) await ip(node1, 'link', 'set', 'up0', state);
  await answersNobodyElse();
  succeeded(await node1.vmnet(['repair']));
  await isClean(node1);
  await answersNobodyElse();
  await works(datacentre, vm);
});

test('the carrier goes and comes: the VM is answered for again without repair', { skip }, async () => {
  const { segments, node1, router } = datacentre;
  for (const state of ['down', 'up']) await ip(segments, 'link', 'set', 'n1up0', state);
  await answers(router, vm.address, vm.address6);
  await isClean(node1);
});

test('the host asks the VM as the gateway, and the segment as arp-source', { skip }, async () => {
  const { node1, router } = datacentre;
  const toVm = await capture(vm, 'eth0', 'arp');
  const toSegment = await capture(router, 'eth0', 'arp');
  for (const dev of ['tap0', 'up0']) await ip(node1, 'neighbour', 'flush', 'dev', dev);
  await ping(router, vm.address, { count: 1 });
  assert.match(
    await toVm.until(/Request who-has/),
    new RegExp(`who-has ${vm.address} tell 192\\.0\\.2\\.1,`),
  );
  await ip(node1, 'neighbour', 'flush', 'dev', 'up0');
  await ping(vm, '203.0.113.1', { count: 1 });
  assert.match(await toSegment.until(/who-has 192\.0\.2\.1 /), /who-has 192\.0\.2\.1 tell 192\.0\.2\.254,/);
  const senders = [...(await toVm.stop()), ...(await toSegment.stop())].join('\n');
  assert.doesNotMatch(senders, /tell 10\.9\.9\./, 'the management address is nobody’s business');
});

async function answersNobodyElse(): Promise<void> {
  const sniffer = await listen();
  await Promise.all(FOREIGN.map(address => ask(address, true)));
  await Promise.all(FOREIGN.map(address => ask(address, false)));
  // By somebody who is not of the subnet, and so not stopped by what is said of it.
  await Promise.all(
    FOREIGN.map(address => ask(address, true, address.includes(':') ? '2001:db8:ffff::1' : '203.0.113.1')),
  );
  await sleep(900);
  const lines = await sniffer.stop();
  for (const address of FOREIGN) {
    assert.deepEqual(
      lines.filter(line => answerFor(address).test(line)),
      [],
      address,
    );
  }
}
