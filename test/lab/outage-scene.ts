// A node as in etc/examples, with a VM of each mode and a watch: something happens to it, and all is back by itself.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { answers, attach, settled, succeeded, works } from '../netns/steps.ts';
import { startWatch, type Watching } from '../netns/watching.ts';
import { capture } from '../support/capture.ts';
import { inside } from '../support/command.ts';
import { buildDatacentre, type Datacentre } from '../support/datacentre.ts';
import { missingLinkTypes } from '../support/link-types.ts';
import { startProbe } from '../support/probe.ts';
import { stateOf } from '../support/state.ts';
import { bridgedNic, routedNic, startVm, type Vm } from '../support/vm.ts';
import { buildTrunk } from './trunk.ts';

const EXAMPLE = readFileSync(join(import.meta.dirname, '../../etc/examples/grnet-node.ini'), 'utf8');
/** In the segment of the routed VMs, and nobody's. */
const NOBODY = ['192.0.2.77', '2001:db8:993::77'] as const;
/** ARP replies and neighbour advertisements. */
const ANSWERS = '(arp and arp[6:2] = 2) or (icmp6 and ip6[40] = 136)';
/** The host's own gateways. */
const ROUTERS = ['10.9.9.254', '2001:db8:999::fe'] as const;
/** Without acceleration a program takes ten times as long to start as on the machine that the kernel would have. */
const BACK_MS = 45_000;

export interface Scene {
  readonly skip: string | false;
  datacentre: Datacentre;
  routed: Vm;
  bridged: Vm;
  watching: Watching;
}

/** Builds it before the tests of a file, unless something is `missing`; `first` happens before vmnet's turn. */
export function inOutageScene(
  first: (datacentre: Datacentre) => Promise<void> = async () => undefined,
  missing?: string,
): Scene {
  const skip = missingLinkTypes('bond', 'vlan') ?? missing ?? false;
  const scene = { skip } as Scene;
  before(async () => {
    if (skip !== false) return;
    const datacentre = await buildDatacentre({ program: 'dist' });
    const { node1: node } = datacentre;
    scene.datacentre = datacentre;
    await buildTrunk(datacentre);
    writeFileSync(node.configFile, EXAMPLE);
    await first(datacentre);
    succeeded(await node.vmnet(['host', 'up']));
    scene.routed = await startVm(datacentre, 'routed', node, routedNic(10, 'tap0'));
    scene.bridged = await startVm(datacentre, 'bridged', node, bridgedNic(11, 'tap1'));
    await settled(node);
    await attach(scene.routed);
    const { nic, address, address6 } = scene.bridged;
    const bridged = ['--network', 'services', '--mac', nic.mac, '--ip', address, '--ip', address6];
    succeeded(await node.vmnet(['attach', 'tap1', ...bridged]));
    await works(datacentre, scene.routed);
    scene.watching = await startWatch(node);
  });
  after(() => scene.datacentre?.close());
  return scene;
}

/** All is back, VMs and host reach the world, and nobody was told a lie on the way. */
export function outage(scene: Scene, what: string, happen: () => Promise<unknown>): void {
  test(`${what}: all is back, and no address that is not ours is answered for`, {
    skip: scene.skip,
  }, async t => {
    const { datacentre, routed, bridged, watching } = scene;
    const { node1: node, router, segments } = datacentre;
    await settled(node);
    const was = await lasting(scene);
    const replies = await capture(segments, segments.routed, ANSWERS);
    const probes = await Promise.all([routed.address, routed.address6].map(one => startProbe(router, one)));
    const asking = Promise.all(
      NOBODY.map(one => inside(router, ['ping', '-n', '-c', '8', '-i', '0.4', '-W', '0.3', one])),
    );
    const began = Date.now();
    await happen();
    const happened = Date.now() - began;
    const said = () => watching.lines().slice(-12).join('\n');
    let now = '';
    for (const end = Date.now() + BACK_MS; Date.now() < end; await sleep(500)) {
      now = await lasting(scene);
      if (now === was) break;
    }
    const probed = await Promise.all(probes.map(probe => probe.stop()));
    t.diagnostic(
      `${happened} ms; back after ${Date.now() - began} ms; gaps ${probed.map(one => Math.round(one.longestGapMs))} ms`,
    );
    assert.equal(now, was, said());
    await asking;
    const lies = (await replies.stop()).filter(
      line => !/10\.9\.9\.|\.1 is-at|tgt is (fe80:|\S+::1,)/.test(line) && !isOurs(line, routed),
    );
    assert.deepEqual(lies, [], said());
    await settled(node);
    await Promise.all([
      works(datacentre, routed),
      answers(bridged, '198.51.100.1', '2001:db8:992::1'),
      answers(node, ...ROUTERS),
    ]);
    for (const words of [['host', 'check'], ['check']]) succeeded(await node.vmnet(words));
  });
}

function isOurs(line: string, { address, address6 }: Vm): boolean {
  return line.includes(`Reply ${address} is-at`) || line.includes(`tgt is ${address6},`);
}

/** Links get their link-local addresses in their own time. Whose a route is changes with who was there first. */
async function lasting({ datacentre }: Scene): Promise<string> {
  const { links, addresses, rules, routes, proxyNeighbours, nft } = await stateOf(datacentre.node1);
  const given = (lines: readonly string[]) =>
    lines
      .filter(line => !/fe80|ff00::/.test(line))
      .map(line => line.replace('protocol=119', 'protocol=3'))
      .sort();
  return JSON.stringify(
    { links, addresses: given(addresses), rules, routes: given(routes), proxyNeighbours, nft },
    undefined,
    1,
  );
}
