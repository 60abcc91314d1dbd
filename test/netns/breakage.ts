// Somebody breaks one object by hand: check finds it and names it, repair mends it, and traffic flows again.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { missingForNamespaces } from '../support/command.ts';
import { buildDatacentre, type Datacentre, type Node, publicNetwork } from '../support/datacentre.ts';
import { routedNic, startVm, type Vm } from '../support/vm.ts';
import { answers, attach, driftOf, isClean, succeeded } from './steps.ts';

export interface Breakage {
  readonly what: string;
  readonly kind: string;
  readonly drift: 'missing' | 'changed' | 'unexpected';
  /** Parts of how check names it, each of an object of its own. */
  readonly names: readonly string[];
  readonly by: (node: Node) => Promise<unknown>;
  /** What mends it; repair if not given. What nobody ever asked for is gc's to remove. */
  readonly mend?: 'gc';
}

/** Global address of the VM: the EUI-64 one of its MAC. */
export const ADDRESS6 = '2001:db8:993:0:a800:ff:fe35:6d0a';

/** One test a row, on a node with one VM, whose network has host-access. */
export function testBreakages(table: readonly Breakage[]): void {
  const skip = missingForNamespaces() ?? false;
  let datacentre: Datacentre;
  let vm: Vm;
  before(async () => {
    if (skip !== false) return;
    const config = publicNetwork('up0', 'host-access = yes');
    datacentre = await buildDatacentre({ program: 'dist', config });
    vm = await startVm(datacentre, 'a', datacentre.node1, routedNic(10, 'tap0'));
    await attach(vm);
  });
  after(() => datacentre?.close());

  for (const { what, kind, drift, names, by, mend } of table) {
    test(what, { skip }, async () => {
      const { node1, router } = datacentre;
      await by(node1);
      const found = await driftOf(node1);
      for (const name of names) {
        const it = found.some(one => one.kind === kind && one.drift === drift && one.text.includes(name));
        assert.ok(it, `no ${drift} ${kind} ${name} in ${JSON.stringify(found)}`);
      }
      succeeded(await node1.vmnet([mend ?? 'repair']));
      await Promise.all([isClean(node1), answers(router, vm.address, vm.address6)]);
    });
  }
}
