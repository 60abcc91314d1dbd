// Runs the scenarios on the kernel of the namespace that it is in: a JSON line for each; with the
// argument `vlans` those of VLAN-aware bridges, with `ovs` those of Open vSwitch, with `vrf` those of a network in a VRF.
// Here, everything has a name.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { DOMAIN_INI, DOMAIN_SCENARIOS } from '../domain-scenarios.ts';
import { OVS_BRIDGES } from '../memory/ovs.ts';
import { startSwitch } from '../openvswitch.ts';
import { OVS_SCENARIOS } from '../ovs-scenarios.ts';
import { tool } from '../real-tools.ts';
import { realWorld } from '../real-world.ts';
import { SCENARIOS } from '../scenarios.ts';
import { VLAN_SCENARIOS } from '../vlan-scenarios.ts';

const names = mkdtempSync(join(tmpdir(), 'vmnet-names-'));
// `ip netns exec` gave this process mounts of its own, which go with it.
for (const file of ['group', 'rt_tables', 'rt_protos']) {
  const path = `/etc/iproute2/${file}`;
  const lines = [118, 993, 994, 1994].filter(number => number < 256 || file !== 'rt_protos');
  writeFileSync(join(names, file), [readFileSync(path), ...lines.map(n => `${n} name${n}\n`)].join('\n'));
  tool('mount', ['--bind', join(names, file), path]);
}
const [, , which = ''] = process.argv;
const scenarios = { vlans: VLAN_SCENARIOS, ovs: OVS_SCENARIOS, vrf: DOMAIN_SCENARIOS }[which] ?? SCENARIOS;
const ovs = which === 'ovs' ? await startSwitch(OVS_BRIDGES) : undefined;
if (ovs !== undefined) process.env.OVS_RUNDIR = ovs.env.OVS_RUNDIR;
const world = realWorld(which === 'vrf' ? DOMAIN_INI : undefined, {
  vlans: which === 'vlans',
  vrf: which === 'vrf',
});
try {
  for (const [index, { name, run }] of scenarios.entries()) {
    if (index > 0) world.reset();
    const error = await run(world).then(
      () => undefined,
      (thrown: unknown) => (thrown instanceof Error ? thrown.stack : inspect(thrown)),
    );
    process.stdout.write(`${JSON.stringify({ name, error })}\n`);
  }
} finally {
  world.close();
  await ovs?.close();
  rmSync(names, { recursive: true });
}
