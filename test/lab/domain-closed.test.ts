// The tests of test/netns/closed.test.ts, with the network in a VRF.
process.env.VMNET_TEST_DOMAIN = 'vrf';
await import('../netns/closed.test.ts');
