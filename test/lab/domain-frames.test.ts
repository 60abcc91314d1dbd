// The tests of test/netns/frame-matrix.test.ts, with the network in a VRF.
process.env.VMNET_TEST_DOMAIN = 'vrf';
await import('../netns/frame-matrix.test.ts');
