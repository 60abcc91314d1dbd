// Any two files of the host's links: one after the other, each is in order, and down gives back what was there.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { stepText } from '../../lib/core/plan/plan.ts';
import { hostCheck, hostDown, hostUp } from '../../lib/run/host.ts';
import { hostImport } from '../../lib/run/host-import.ts';
import { type HostWorld, hostWorld } from '../support/host-world.ts';

const flag = fc.boolean();
const some = (key: string, ...values: readonly string[]): fc.Arbitrary<string> =>
  fc.constantFrom('', ...values.map(value => `${key} = ${value}\n`));
const addresses = (n: number): fc.Arbitrary<string> =>
  some('addresses', `10.${n}.0.2/24`, `2001:db8:${n}::2/64`, `10.${n}.0.3/24 2001:db8:${n}::3/64`);

const bond = fc
  .tuple(
    fc.constantFrom('active-backup', '802.3ad'),
    fc.constantFrom('eth0', 'eth0 eth1', 'eth1', 'eth1 eth0'),
    some('mtu', '1500', '9000'),
    some('xmit-hash-policy', 'layer3+4'),
    addresses(1),
  )
  .map(([mode, ports, ...more]) => `[bond bond0]\nmode = ${mode}\nports = ${ports}\n${more.join('')}`);

const vlan = (
  id: number,
  parent: string,
  more: fc.Arbitrary<string> = fc.constant(''),
): fc.Arbitrary<string> =>
  fc
    .tuple(fc.integer({ min: id, max: id + 1 }), some('mtu', '1400'), more)
    .map(([number, ...rest]) => `[vlan v${id}]\nparent = ${parent}\nid = ${number}\n${rest.join('')}`);

const bridge = (name: string, ports: string, n: number): fc.Arbitrary<string> =>
  fc
    .tuple(
      some('ports', ports),
      some('vlan-aware', 'yes', 'no'),
      some('multicast-snooping', 'yes'),
      some('multicast-querier', 'yes', 'no'),
      some('forward-delay', '0.5', '15'),
      some('mac', 'adopted'),
      addresses(n),
    )
    .map(more => `[bridge ${name}]\n${more.join('')}`);

const ovs = fc
  .tuple(
    fc.constantFrom('', 'uplink = eth3\n', 'uplink = eth3\ntag = 10\n', 'uplink = eth3\ntrunks = 20-22\n'),
    some('mtu', '1400', '9000'),
    addresses(6),
  )
  .map(more => `[ovs sw0]\n${more.join('')}`);

const vrf = fc
  .tuple(fc.integer({ min: 1001, max: 1002 }), some('gateway', '10.7.0.1'), some('gateway6', '2001:db8:7::1'))
  .map(([table, ...more]) => `[vrf mgmt]\ntable = ${table}\nports = eth2\n${more.join('')}`);

/** A section or not, and what stands on it only with it. */
const file = fc
  .tuple(
    fc.tuple(
      flag,
      bond,
      flag,
      vlan(20, 'bond0'),
      flag,
      bridge('br20', 'v20', 2),
      flag,
      vlan(30, 'bond0', addresses(3)),
    ),
    fc.oneof(vlan(40, 'eth3', addresses(4)), bridge('br3', 'eth3', 5), ovs, fc.constant('')),
    fc.option(vrf, { nil: '' }),
  )
  .map(([[hasBond, bond0, has20, v20, hasBridge, br20, has30, v30], onEth3, mgmt]) =>
    [
      ...(hasBond ? [bond0, ...(has20 ? [v20, hasBridge ? br20 : ''] : []), has30 ? v30 : ''] : []),
      onEth3,
      mgmt,
    ].join(''),
  );

/** The import of a host that a file made is as good as the file. */
async function isRepeated(world: HostWorld, ini: string): Promise<void> {
  const { text, changes, sections } = await hostImport(world.under(''));
  assert.deepEqual(changes, [], text);
  const heads = [...ini.matchAll(/^\[(.*)\]$/gm)].map(([, head]) => head);
  assert.deepEqual(sections.map(({ kind, name }) => `${kind} ${name}`).sort(), heads.sort(), text);
  const { plan } = await hostUp(world.under(text), { dryRun: true, recreate: true });
  assert.deepEqual(plan.steps.map(stepText), [], text);
}

test('from one file to another and down', async () => {
  await fc.assert(
    fc.asyncProperty(file, file, async (first, second) => {
      const world = hostWorld();
      const stable = () =>
        world.kernel.snapshot().filter(line => !/keep_addr_on_down|^link eth\d mac/.test(line));
      const was = stable();
      for (const ini of [first, second]) {
        await hostUp(world.under(ini), { dryRun: false, recreate: true });
        assert.deepEqual((await hostCheck(world.under(ini))).map(stepText), []);
        const again = await hostUp(world.under(ini), { dryRun: false, recreate: true });
        assert.deepEqual(again.plan.steps.map(stepText), []);
        await isRepeated(world, ini);
      }
      await hostDown(world.under(second), { dryRun: false });
      assert.deepEqual(stable(), was);
      assert.deepEqual(world.kernel.records(), {});
    }),
    { numRuns: 300 },
  );
});
