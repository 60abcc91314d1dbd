// The tests of test/netns/shared.test.ts, with the network in a VRF.
process.env.VMNET_TEST_DOMAIN = 'vrf';
await import('../netns/shared.test.ts');
