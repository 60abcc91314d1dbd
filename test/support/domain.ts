// The tests of NICs again with `domain = vrf`: test/lab/domain-*.test.ts set the variable, and import those of test/netns.
import { describe, type SuiteFn, type TestFn, type TestOptions, test } from 'node:test';

/** Where it is vrf, the routed network is in a VRF on each node: tests of NICs hold there as well. */
export const DOMAIN = process.env.VMNET_TEST_DOMAIN ?? 'mark';

/** A test that does not look at routing: it is not run again in a VRF, where each run of vmnet takes seconds. */
export function testOnce(name: string, options: TestOptions, work: TestFn): void {
  if (DOMAIN !== 'vrf') test(name, options, work);
}

export function describeOnce(name: string, options: TestOptions, work: SuiteFn): void {
  if (DOMAIN !== 'vrf') describe(name, options, work);
}
