// The kernel in memory passes what the real one passes in test/netns/scenarios.test.ts.
import { test } from 'node:test';
import { memoryWorld } from '../support/memory-world.ts';
import { SCENARIOS } from '../support/scenarios.ts';

for (const { name, run } of SCENARIOS) test(name, () => run(memoryWorld()));
