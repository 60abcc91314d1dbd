// The tests of test/netns/neighbours.test.ts, with the network in a VRF.
process.env.VMNET_TEST_DOMAIN = 'vrf';
await import('../netns/neighbours.test.ts');
