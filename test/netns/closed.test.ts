// A tap that has lost its filter, or is another link of the same name, is closed; not even for a moment is it open.
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { ip, missingForNamespaces } from '../support/command.ts';
import { buildDatacentre, type Datacentre, publicNetwork } from '../support/datacentre.ts';
import { bridgedNic, routedNic, startVm, stopVm, type Vm } from '../support/vm.ts';
import { answers, attachArgs, isSilent, nft, succeeded } from './steps.ts';

const skip = missingForNamespaces() ?? false;
let datacentre: Datacentre;
let vms = 0;

before(async () => {
  if (skip !== false) return;
  datacentre = await buildDatacentre({ program: 'dist', config: publicNetwork('up0') });
});
after(() => datacentre?.close());

interface Kind {
  readonly name: string;
  readonly nic: ReturnType<typeof routedNic>;
  readonly args: (vm: Vm) => readonly string[];
  /** What a hypervisor does with a tap before anybody attaches it. */
  readonly ready: (vm: Vm) => Promise<unknown>;
}

const KINDS: readonly Kind[] = [
  {
    name: 'routed',
    nic: routedNic(30, 'tap3'),
    args: vm => attachArgs(vm),
    ready: vm => ip(vm.node, 'link', 'set', 'tap3', 'up'),
  },
  {
    name: 'bridged',
    nic: bridgedNic(31, 'tap4'),
    args: vm => [
      ...['attach', 'tap4', '--mode', 'bridged', '--link', 'br0', '--mac', vm.nic.mac],
      ...['--ip', vm.address, '--ip', vm.address6],
    ],
    ready: vm => ip(vm.node, 'link', 'set', 'tap4', 'master', 'br0', 'up'),
  },
];

for (const kind of KINDS) {
  describe(`a ${kind.name} NIC`, () => {
    let vm: Vm;
    beforeEach(async () => {
      if (skip !== false) return;
      vms += 1;
      vm = await startVm(datacentre, `c${vms}`, datacentre.node1, kind.nic);
      succeeded(await datacentre.node1.vmnet(kind.args(vm)));
      await isOpen(vm);
    });
    afterEach(async () => {
      if (skip !== false) return;
      succeeded(await datacentre.node1.vmnet(['detach', kind.nic.tap]));
      await stopVm(vm);
      succeeded(await datacentre.node1.vmnet(['gc']));
    });

    test('whose tap is made anew is closed until it is attached', { skip }, async () => {
      await stopVm(vm);
      vms += 1;
      vm = await startVm(datacentre, `c${vms}`, datacentre.node1, kind.nic);
      await kind.ready(vm);
      await isClosed(vm);
      succeeded(await datacentre.node1.vmnet(kind.args(vm)));
      await isOpen(vm);
    });

    test('whose chain somebody deletes is closed until repair', { skip }, async () => {
      await nft(datacentre.node1, `delete chain netdev vmnet from-${kind.nic.tap}`);
      await isClosed(vm);
      succeeded(await datacentre.node1.vmnet(['repair']));
      await isOpen(vm);
    });

    test('whose chain somebody empties is closed until repair', { skip }, async () => {
      await nft(datacentre.node1, `flush chain netdev vmnet from-${kind.nic.tap}`);
      await isClosed(vm);
      succeeded(await datacentre.node1.vmnet(['repair', kind.nic.tap]));
      await isOpen(vm);
    });

    test('that leaves its link group is closed until repair', { skip }, async () => {
      await ip(datacentre.node1, 'link', 'set', kind.nic.tap, 'group', '0');
      await isClosed(vm);
      succeeded(await datacentre.node1.vmnet(['repair']));
      await isOpen(vm);
    });

    test('whose link flaps passes what it passed, and nothing else', { skip }, async () => {
      const { node1 } = datacentre;
      await ip(node1, 'link', 'set', kind.nic.tap, 'down');
      await ip(node1, 'link', 'set', kind.nic.tap, 'up');
      const foreign = kind.name === 'routed' ? '192.0.2.99' : '198.51.100.99';
      await ip(vm, 'address', 'add', `${foreign}/32`, 'dev', 'eth0');
      succeeded(await node1.vmnet(['repair']));
      await isOpen(vm);
      await isSilent(datacentre.router, foreign);
    });
  });
}

async function isOpen(vm: Vm): Promise<void> {
  await answers(datacentre.router, vm.address, vm.address6);
}

async function isClosed(vm: Vm): Promise<void> {
  assert.notEqual(vm.address6, '');
  await isSilent(datacentre.router, vm.address, vm.address6);
}
