// The tests of test/netns/spoof.test.ts, with the network in a VRF.
process.env.VMNET_TEST_DOMAIN = 'vrf';
await import('../netns/spoof.test.ts');
