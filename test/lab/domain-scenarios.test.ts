// Attach, detach, conversions and repair of NICs whose network is in a VRF, each compared with all of the kernel. All
// in one process: under emulation, each start of vmnet takes seconds.
import { missingForNamespaces } from '../support/command.ts';
import { DOMAIN_SCENARIOS } from '../support/domain-scenarios.ts';
import { missingModule } from '../support/modules.ts';
import { testScenarios } from '../support/run-scenarios.ts';

const skip = missingForNamespaces() ?? missingModule('vrf') ?? false;
testScenarios(DOMAIN_SCENARIOS, { skip, args: ['vrf'], timeoutMs: 600_000 });
