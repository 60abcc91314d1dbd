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
  testRounds(
    table.map(row => [row]),
    'host-access = yes',
  );
}

/** One test a round: all of it is broken, then found by one check and mended by one run. */
export function testRounds(rounds: readonly (readonly Breakage[])[], ...network: readonly string[]): void {
  const skip = missingForNamespaces() ?? false;
  let datacentre: Datacentre;
  let vm: Vm;
  before(async () => {
    if (skip !== false) return;
    datacentre = await buildDatacentre({ program: 'dist', config: publicNetwork('up0', ...network) });
    vm = await startVm(datacentre, 'a', datacentre.node1, routedNic(10, 'tap0'));
    await attach(vm);
  });
  after(() => datacentre?.close());

  for (const round of rounds) {
    test(round.map(({ what }) => what).join(', '), { skip }, async () => {
      const { node1, router } = datacentre;
      for (const { by } of round) await by(node1);
      const found = await driftOf(node1);
      for (const { kind, drift, names } of round) {
        for (const name of names) {
          const it = found.some(one => one.kind === kind && one.drift === drift && one.text.includes(name));
          assert.ok(it, `no ${drift} ${kind} ${name} in ${JSON.stringify(found)}`);
        }
      }
      succeeded(await node1.vmnet([round[0]?.mend ?? 'repair']));
      await Promise.all([isClean(node1), answers(router, vm.address, vm.address6)]);
    });
  }
}
