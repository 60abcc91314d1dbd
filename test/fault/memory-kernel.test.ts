// The kernel in memory passes what the real one passes in test/netns/scenarios.test.ts, and in test/lab.
import { test } from 'node:test';
import { memoryWorld } from '../support/memory-world.ts';
import { OVS_SCENARIOS } from '../support/ovs-scenarios.ts';
import { SCENARIOS } from '../support/scenarios.ts';
import { VLAN_SCENARIOS } from '../support/vlan-scenarios.ts';

for (const { name, run } of [...SCENARIOS, ...VLAN_SCENARIOS, ...OVS_SCENARIOS])
  test(name, () => run(memoryWorld()));
