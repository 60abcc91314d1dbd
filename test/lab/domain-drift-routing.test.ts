// The tests of test/netns/drift-routing.test.ts, with the network in a VRF.
process.env.VMNET_TEST_DOMAIN = 'vrf';
await import('../netns/drift-routing.test.ts');
