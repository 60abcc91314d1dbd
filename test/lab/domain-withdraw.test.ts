// The tests of test/netns/withdraw.test.ts, with the network in a VRF.
process.env.VMNET_TEST_DOMAIN = 'vrf';
await import('../netns/withdraw.test.ts');
