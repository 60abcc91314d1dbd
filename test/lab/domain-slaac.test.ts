// The tests of test/netns/slaac.test.ts, with the network in a VRF.
process.env.VMNET_TEST_DOMAIN = 'vrf';
await import('../netns/slaac.test.ts');
