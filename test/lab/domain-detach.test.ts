// The tests of test/netns/detach.test.ts, with the network in a VRF.
process.env.VMNET_TEST_DOMAIN = 'vrf';
await import('../netns/detach.test.ts');
