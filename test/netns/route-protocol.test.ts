// Another route-protocol in the configuration, while NICs are up.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { ip, missingForNamespaces } from '../support/command.ts';
import { buildDatacentre, type Datacentre, type Node, publicNetwork } from '../support/datacentre.ts';
import { routedNic, startVm, type Vm } from '../support/vm.ts';
import { attach, isClean, succeeded, works } from './steps.ts';

const skip = missingForNamespaces() ?? false;
let datacentre: Datacentre;
let node: Node;
let vm: Vm;

before(async () => {
  if (skip !== false) return;
  datacentre = await buildDatacentre({ program: 'dist', config: configWith(186) });
  node = datacentre.node1;
  vm = await startVm(datacentre, 'a', node, routedNic(10, 'tap0'));
  await attach(vm);
});
after(() => datacentre?.close());

function configWith(protocol: number): string {
  return `[vmnet]\nroute-protocol = ${protocol}\n${publicNetwork('up0')}`;
}

/** The protocols of the routes to the VM, of both families. */
async function protocols(): Promise<readonly string[]> {
  const tables = await Promise.all(
    ([4, 6] as const).map(family => ip(node, '-N', `-${family}`, 'route', 'show', 'table', '993')),
  );
  const lines = tables.flatMap(text => text.split('\n'));
  const own = lines.filter(line => line.includes('dev tap0') && !line.startsWith('fe80'));
  return own.map(line => / proto (\d+)/.exec(line)?.[1] ?? line);
}

test('repair gives the VM routes with the new one, and none with the old', { skip }, async () => {
  assert.deepEqual(await protocols(), ['186', '186']);
  for (const number of [187, 118, 186]) {
    writeFileSync(node.configFile, configWith(number));
    succeeded(await node.vmnet(['repair']));
    assert.deepEqual(await protocols(), [`${number}`, `${number}`]);
    await isClean(node);
    await works(datacentre, vm);
  }
});

test('detach takes away those of before', { skip }, async () => {
  writeFileSync(node.configFile, configWith(200));
  succeeded(await node.vmnet(['detach', 'tap0']));
  assert.deepEqual(await protocols(), []);
});
