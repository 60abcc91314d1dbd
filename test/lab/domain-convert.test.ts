// The tests of test/netns/convert.test.ts, with the network in a VRF.
process.env.VMNET_TEST_DOMAIN = 'vrf';
await import('../netns/convert.test.ts');
