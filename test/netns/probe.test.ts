// Before an instance is made or started, the segment is asked whether somebody has its addresses already.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { after, afterEach, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { capture } from '../support/capture.ts';
import { type CommandResult, ip, ipBatch, missingForNamespaces, type Place } from '../support/command.ts';
import { buildDatacentre, type Datacentre, publicNetwork } from '../support/datacentre.ts';
import { makeNamespace } from '../support/topology.ts';
import { routedNic, sendFrame, startVm, stopVm } from '../support/vm.ts';
import { attach, succeeded } from './steps.ts';

const skip = missingForNamespaces() ?? false;
const OWN_MAC = 'aa:00:00:35:6d:0a';
const STRANGER_MAC = '02:00:00:00:77:01';
const LAN = ['[network lan]', 'mode = bridged', 'link = br0', 'subnet6 = 2001:db8:992::/64'].join('\n');

let datacentre: Datacentre;
/** A host with a leg on the routed segment, eth0, and one on the bridged, eth1. */
let stranger: Place;

before(async () => {
  if (skip !== false) return;
  datacentre = await buildDatacentre({ program: 'dist' });
  stranger = { ns: `${datacentre.prefix}-stranger` };
  await makeNamespace(stranger);
  const { segments } = datacentre;
  await ipBatch(segments, [
    `link add s0 type veth peer name eth0 address ${STRANGER_MAC} netns ${stranger.ns}`,
    `link set s0 master ${segments.routed} up`,
    `link add s1 type veth peer name eth1 address ${STRANGER_MAC} netns ${stranger.ns}`,
    `link set s1 master ${segments.bridged} up`,
  ]);
  await ipBatch(stranger, ['link set eth0 up', 'link set eth1 up']);
  configure();
});
after(() => datacentre?.close());
afterEach(async () => {
  if (skip !== false) return;
  await ipBatch(stranger, ['address flush dev eth0 scope global', 'address flush dev eth1 scope global']);
});

function configure(...lines: readonly string[]): void {
  const text = [publicNetwork('up0', ...lines), LAN, ...lines].join('\n');
  writeFileSync(datacentre.node1.configFile, `${text}\n`);
}

interface Asked {
  readonly mode: 'routed' | 'bridged';
  readonly address?: string;
  readonly event?: string;
}

function ask({ mode, address, event = 'instance-start' }: Asked): Promise<CommandResult> {
  return datacentre.node1.hook(`ganeti/${event}-pre`, {
    GANETI_HOOKS_VERSION: '2',
    GANETI_HOOKS_PATH: event,
    GANETI_HOOKS_PHASE: 'pre',
    GANETI_OP_CODE: 'OP_TEST',
    GANETI_INSTANCE_NAME: 'web.example.test',
    GANETI_INSTANCE_PRIMARY: hostname(),
    GANETI_INSTANCE_STATUS: 'up',
    GANETI_INSTANCE_NIC_COUNT: '1',
    GANETI_INSTANCE_NIC0_MAC: OWN_MAC,
    GANETI_INSTANCE_NIC0_IP: address ?? (mode === 'routed' ? '192.0.2.10' : '198.51.100.10'),
    GANETI_INSTANCE_NIC0_MODE: mode,
    GANETI_INSTANCE_NIC0_LINK: mode === 'routed' ? 'public_993' : 'br0',
    GANETI_INSTANCE_NIC0_NETWORK_NAME: mode === 'routed' ? 'public' : 'lan',
  });
}

/** The addresses of the NIC: the given one, and that which its guest makes of its MAC. */
const TAKEN = [
  { mode: 'routed', dev: 'eth0', link: 'up0', address: '192.0.2.10', length: 24 },
  { mode: 'routed', dev: 'eth0', link: 'up0', address: '2001:db8:993:0:a800:ff:fe35:6d0a', length: 64 },
  { mode: 'bridged', dev: 'eth1', link: 'br0', address: '198.51.100.10', length: 24 },
  { mode: 'bridged', dev: 'eth1', link: 'br0', address: '2001:db8:992:0:a800:ff:fe35:6d0a', length: 64 },
] as const;

function refused(result: CommandResult, ...named: readonly string[]): void {
  assert.equal(result.exitCode, 65, `exit ${result.exitCode}: ${result.stderr}`);
  assert.equal(result.stderr.trim().split('\n').length, 1, result.stderr);
  for (const name of ['NIC 0 of web.example.test', ...named])
    assert.ok(result.stderr.includes(name), `${name} is not in ${result.stderr}`);
}

function passed(result: CommandResult): void {
  assert.deepEqual([result.exitCode, result.stderr], [0, '']);
}

for (const mode of ['routed', 'bridged'] as const) {
  for (const event of ['instance-add', 'instance-start']) {
    test(`${event}: a ${mode} NIC whose addresses nobody has passes soon`, { skip }, async () => {
      const from = Date.now();
      passed(await ask({ mode, event }));
      assert.ok(Date.now() - from < 2000, `${Date.now() - from} ms`);
    });
  }
}

for (const { mode, dev, link, address, length } of TAKEN) {
  for (const event of ['instance-add', 'instance-start']) {
    test(`${event}: ${address} of a ${mode} NIC answers on the segment`, { skip }, async () => {
      await ip(stranger, 'address', 'add', `${address}/${length}`, 'dev', dev);
      refused(await ask({ mode, event }), address, STRANGER_MAC, link);
    });
  }

  for (const event of ['instance-reboot', 'instance-migrate', 'instance-failover', 'instance-modify']) {
    test(`${event}: nobody is asked for ${address}`, { skip }, async () => {
      await ip(stranger, 'address', 'add', `${address}/${length}`, 'dev', dev);
      const heard = await capture(stranger, dev, 'arp or icmp6[0] = 135');
      passed(await ask({ mode, event }));
      const lines = await heard.stop();
      assert.deepEqual(
        lines.filter(line => line.includes(address)),
        [],
      );
    });
  }

  test(`probe = no: nobody is asked for ${address}`, { skip }, async () => {
    await ip(stranger, 'address', 'add', `${address}/${length}`, 'dev', dev);
    configure('probe = no');
    const result = await ask({ mode });
    configure();
    passed(result);
  });

  test(`${address} of a ${mode} NIC answers, and it is the NIC itself`, { skip }, async () => {
    await ip(stranger, 'link', 'set', dev, 'address', OWN_MAC);
    await ip(stranger, 'address', 'add', `${address}/${length}`, 'dev', dev);
    const result = await ask({ mode });
    await ip(stranger, 'link', 'set', dev, 'address', STRANGER_MAC);
    passed(result);
  });
}

/** What a host sends that is about to take the address, at the same time as we are. */
const PROBES = [
  [
    'ARP probe',
    'ffffffffffff 020000007701 0806 0001 0800 06 04 0001 020000007701 00000000 000000000000 c000020a',
  ],
  [
    'neighbour solicitation',
    [
      '3333ff356d0a 020000007701 86dd 60000000 0018 3a ff 00000000000000000000000000000000',
      'ff0200000000000000000001ff356d0a 87 00 0000 00000000 20010db809930000a80000fffe356d0a',
    ].join(' '),
  ],
] as const;

for (const [what, frame] of PROBES) {
  test(`the ${what} of somebody else who wants the address counts`, { skip }, async () => {
    const bytes = Buffer.from(frame.replaceAll(' ', ''), 'hex');
    const asked = ask({ mode: 'routed' });
    const ended = asked.then(() => true);
    while (!(await Promise.race([ended, sleep(20, false)]))) await sendFrame(stranger, 'eth0', bytes);
    refused(await asked, STRANGER_MAC);
  });
}

test('a VM that is up on another node is found, by each of its addresses', { skip }, async () => {
  const { node2 } = datacentre;
  const vm = await startVm(datacentre, 'other', node2, routedNic(30, 'tap0'));
  await attach(vm);
  const mac = JSON.parse(await ip(node2, '-j', 'link', 'show', 'dev', 'up0'))[0].address;
  const results = [await ask({ mode: 'routed', address: vm.address })];
  results.push(await ask({ mode: 'routed', address: vm.address6 }));
  succeeded(await node2.vmnet(['detach', 'tap0']));
  for (const [i, address] of [vm.address, vm.address6].entries()) refused(results[i]!, address, mac, 'up0');
  passed(await ask({ mode: 'routed', address: vm.address }));
});

test('what this node has left of a VM that is gone is nobody, nor is one that is up here', {
  skip,
}, async () => {
  const { node1 } = datacentre;
  const vm = await startVm(datacentre, 'own', node1, routedNic(31, 'tap0'));
  await attach(vm);
  passed(await ask({ mode: 'routed', address: vm.address }));
  await stopVm(vm);
  passed(await ask({ mode: 'routed', address: vm.address }));
  passed(await ask({ mode: 'routed', address: vm.address6 }));
  succeeded(await node1.vmnet(['gc']));
});

test('another link of this node on the segment is nobody else', { skip }, async () => {
  const { node1, segments } = datacentre;
  await ipBatch(segments, [
    `link add n1second type veth peer name second netns ${node1.ns}`,
    `link set n1second master ${segments.routed} up`,
  ]);
  await ipBatch(node1, ['link set second up', 'address add 192.0.2.10/32 dev second']);
  const result = await ask({ mode: 'routed' });
  await ip(node1, 'link', 'delete', 'second');
  passed(result);
});

test('a bridge that is down is said, and refuses nothing', { skip }, async () => {
  const { node1 } = datacentre;
  await ip(node1, 'link', 'set', 'br0', 'down');
  const { exitCode, stderr } = await ask({ mode: 'bridged' });
  await ip(node1, 'link', 'set', 'br0', 'up');
  assert.equal(exitCode, 0, stderr);
  assert.match(stderr, /br0/);
});
