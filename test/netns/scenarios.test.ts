// The assertions that the kernel in memory passes, on the real one.
import { missingForNamespaces } from '../support/command.ts';
import { testScenarios } from '../support/run-scenarios.ts';
import { SCENARIOS } from '../support/scenarios.ts';

testScenarios(SCENARIOS, { skip: missingForNamespaces() ?? false });
